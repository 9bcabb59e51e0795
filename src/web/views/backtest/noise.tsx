import { useState } from 'preact/hooks';
import type { ApiResponse } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import { Card } from '../../design/card.tsx';
import { CodeBlock } from '../../design/controls.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { type Column, Table, tableHeight } from '../../design/table.tsx';
import { formatText } from '../../format/quantities.ts';
import { linkTo } from '../../url/view-state.ts';
import { RuleTabs } from '../alerts/rule-tabs.tsx';

type NoiseRule = ApiResponse<'noise'>['rules'][number];

const ROWS = 8;

/** Which rules fired without need, and how can they be quieter? */
export default function Noise() {
  const [suggest, setSuggest] = useState(false);
  const state = useApi('noise', { last: '28d', suggest }, { isLive: false });
  return (
    <>
      <Card>
        <RuleTabs current="noise" />
        <div class="tab-note buttons">
          <button
            class="button"
            type="button"
            disabled={suggest && state.isPrevious}
            onClick={() => setSuggest(true)}
          >
            {suggest && state.isPrevious ? 'Searching …' : 'Find quieter rules'}
          </button>
          <span class="small muted">
            How often each rule fired in the last 28 days, and how often nobody reacted.
          </span>
        </div>
        <Loaded state={state} height={tableHeight(ROWS)}>
          {({ rules }) => (
            <Table
              label="Noise by rule"
              columns={COLUMNS}
              rows={rules}
              rowKey={({ name }) => name}
              empty={
                <EmptyState title="No rule fired">There is nothing to make quieter.</EmptyState>
              }
            />
          )}
        </Loaded>
      </Card>
      {suggest &&
        !state.isPrevious &&
        state.data?.rules.map((rule) => <Suggestion key={rule.name} rule={rule} />)}
    </>
  );
}

function Suggestion({ rule: { name, suggestion } }: { rule: NoiseRule }) {
  if (!suggestion) return null;
  const { change, currentFired, suggestedFired, yaml } = suggestion;
  return (
    <Card
      title={name}
      note={`with ${change}: ${suggestedFired} instead of ${currentFired} alerts, and every acknowledged alert`}
    >
      <CodeBlock label={`Rules file with the change of ${name}`}>{yaml}</CodeBlock>
    </Card>
  );
}

const COLUMNS: readonly Column<NoiseRule>[] = [
  {
    id: 'name',
    header: 'Rule',
    isWide: true,
    sortBy: ({ name }) => name,
    cell: ({ name }) => (
      <a class="name" href={linkTo('/rules', { rule: name })}>
        {name}
      </a>
    ),
  },
  createCountColumn('fired', 'Fired'),
  {
    id: 'median',
    header: 'Median time',
    sortBy: ({ medianMs }) => medianMs ?? -1,
    cell: ({ medianMs }) => formatText(medianMs, 'ms'),
  },
  createCountColumn('unacknowledged', 'Unacknowledged'),
  createCountColumn('short', 'Shorter than 10 min'),
  createCountColumn('flapping', 'Flapping'),
  createCountColumn('nightPages', 'Night pages'),
  {
    id: 'receivers',
    header: 'Receivers',
    cell: ({ receivers }) =>
      receivers.map(({ name, messages }) => `${name} (${messages})`).join(', ') || '–',
  },
  {
    id: 'suggestion',
    header: 'Suggestion',
    cell: ({ suggestion, reason }) => suggestion?.change ?? reason ?? '–',
  },
];

function createCountColumn(
  id: 'fired' | 'unacknowledged' | 'short' | 'flapping' | 'nightPages',
  header: string,
): Column<NoiseRule> {
  return { id, header, sortBy: (rule) => rule[id], cell: (rule) => rule[id] };
}
