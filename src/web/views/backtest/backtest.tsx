import { useState } from 'preact/hooks';
import type { ApiResponse } from '../../../client/api-types.ts';
import { client } from '../../api/session.ts';
import { Card } from '../../design/card.tsx';
import { Badge } from '../../design/controls.tsx';
import { useSubmit } from '../../design/form.tsx';
import { EmptyState, ErrorState } from '../../design/states.tsx';
import { type Column, Table } from '../../design/table.tsx';
import { formatCount, formatText } from '../../format/quantities.ts';
import { RuleTabs } from '../alerts/rule-tabs.tsx';

type Result = NonNullable<ApiResponse<'backtest'>['result']>;
type RuleResult = Result['rules'][number];
type Replay = NonNullable<RuleResult['current']>;

/** Ranges of a backtest, with their labels. */
const RANGES = [
  ['1d', '1 day'],
  ['7d', '7 days'],
  ['28d', '28 days'],
] as const;

/** How often would changed rules fire, and whom would they notify? */
export default function Backtest() {
  const [rules, setRules] = useState('');
  const [last, setLast] = useState<string>('7d');
  const [result, setResult] = useState<Result>();
  const { submit, error, isSending } = useSubmit(async () => {
    const body = rules.trim() === '' ? {} : { rules };
    const response = await client.value.backtest(body, { last });
    setResult(response.result);
  });
  return (
    <>
      <Card>
        <RuleTabs current="backtest" />
        <p class="small muted tab-note">
          A backtest replays stored data, and shows when rules would have fired. It sends no
          messages.
        </p>
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            submit();
          }}
        >
          <label class="field">
            <span>Rules file in YAML. Leave it empty to replay the current rules.</span>
            <textarea
              class="input mono"
              rows={10}
              spellcheck={false}
              placeholder={'rules:\n  - name: response-time\n    for: 5m'}
              value={rules}
              onInput={(event) => setRules(event.currentTarget.value)}
            />
          </label>
          <label class="field">
            <span>Time range</span>
            <select
              class="input"
              style={{ maxWidth: '200px' }}
              value={last}
              onChange={(event) => setLast(event.currentTarget.value)}
            >
              {RANGES.map(([value, label]) => (
                <option key={value} value={value}>
                  {label}
                </option>
              ))}
            </select>
          </label>
          <div>
            <button class="button" data-kind="primary" type="submit" disabled={isSending}>
              {isSending ? 'Running …' : 'Run the backtest'}
            </button>
          </div>
        </form>
      </Card>
      {error && (
        <Card title="The backtest failed">
          <ErrorState error={error} />
        </Card>
      )}
      {result && <BacktestResult result={result} />}
    </>
  );
}

function BacktestResult({ result }: { result: Result }) {
  const { rules, stored, notes } = result;
  const shown = rules.filter(
    ({ change, current, proposed }) =>
      change !== 'unchanged' || isActive(current) || isActive(proposed),
  );
  const skipped = Map.groupBy(
    rules.filter(({ current, proposed }) => (proposed ?? current)?.skipped),
    ({ current, proposed }) => (proposed ?? current)?.skipped,
  );
  return (
    <Card
      title="Result"
      note={`${stored.reproduced} of ${formatCount(stored.alerts, 'stored alert')} reproduced · ${stored.late} differ because rows arrived late`}
    >
      <Table
        label="Backtest result"
        columns={COLUMNS}
        rows={shown}
        rowKey={({ name }) => name}
        empty={
          <EmptyState title="No rule would have fired">
            Choose a longer time range, or change a threshold.
          </EmptyState>
        }
      />
      {notes.map((note) => (
        <p key={note} class="small muted">
          {note}
        </p>
      ))}
      {[...skipped].map(([reason, group]) => (
        <p key={reason} class="small muted name">
          Not replayed because {reason}: {group.map(({ name }) => name).join(', ')}.
        </p>
      ))}
    </Card>
  );
}

function isActive(replay: Replay | undefined): boolean {
  return (replay?.fired ?? 0) > 0 || (replay?.messages ?? 0) > 0;
}

const COLUMNS: readonly Column<RuleResult>[] = [
  {
    id: 'name',
    header: 'Rule',
    isWide: true,
    sortBy: ({ name }) => name,
    cell: ({ name, change }) => (
      <>
        <span class="name">{name}</span>{' '}
        {change !== 'unchanged' && <Badge kind="accent">{change}</Badge>}
      </>
    ),
  },
  ...(['current', 'proposed'] as const).flatMap((set): Column<RuleResult>[] => [
    {
      id: `${set}-fired`,
      header: set === 'current' ? 'Fired' : 'Fired, new',
      sortBy: (rule) => rule[set]?.fired ?? -1,
      cell: (rule) => rule[set]?.fired ?? '–',
    },
    {
      id: `${set}-time`,
      header: set === 'current' ? 'Time' : 'Time, new',
      sortBy: (rule) => rule[set]?.firingMs ?? -1,
      cell: (rule) => formatText(rule[set]?.firingMs, 'ms'),
    },
    {
      id: `${set}-messages`,
      header: set === 'current' ? 'Messages' : 'Messages, new',
      sortBy: (rule) => rule[set]?.messages ?? -1,
      cell: (rule) => rule[set]?.messages ?? '–',
    },
  ]),
  {
    id: 'night',
    header: 'At night',
    sortBy: ({ current, proposed }) => (proposed ?? current)?.nightMessages ?? 0,
    cell: ({ current, proposed }) => (proposed ?? current)?.nightMessages ?? '–',
  },
  {
    id: 'recipients',
    header: 'Notified',
    cell: ({ current, proposed }) => formatRecipients(proposed ?? current),
  },
];

function formatRecipients(replay: Replay | undefined): string {
  const all = [...(replay?.receivers ?? []), ...(replay?.people ?? [])];
  return all.map(({ name, messages }) => `${name} (${messages})`).join(', ') || '–';
}
