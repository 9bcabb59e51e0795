import type { ApiResponse } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import { Card } from '../../design/card.tsx';
import { Badge, type Kind } from '../../design/controls.tsx';
import { Figure } from '../../design/figure.tsx';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { type Column, Table } from '../../design/table.tsx';
import { formatText } from '../../format/quantities.ts';
import { getParameter, globalFilters, setParameters } from '../../url/view-state.ts';

type Impact = ApiResponse<'businessImpact'>;
type ImpactResult = Impact['results'][number];
type Band = ImpactResult['bands'][number];
type Statistic = 'p50' | 'p95' | 'average';

const HEIGHT = 320;
const STATISTICS: Readonly<Record<Statistic, string>> = {
  p50: 'median',
  p95: '95th percentile',
  average: 'mean',
};
/** Other sources of the exposure than endpoints. */
const OTHER_EXPOSURES = ['requests', 'activeUsers'];

const STATUS: Readonly<Record<ImpactResult['status'], { kind: Kind; text: string }>> = {
  waiting: { kind: 'none', text: 'too little data' },
  fewer: { kind: 'warning', text: 'fewer outcomes when slow' },
  more: { kind: 'accent', text: 'more outcomes when slow' },
  noDifference: { kind: 'ok', text: 'no clear difference' },
};

/** Do slow intervals have fewer bookings or other outcomes than fast intervals? */
export function LatencyImpact() {
  const { organizationId, propertyId } = globalFilters.value;
  const service = getParameter('impactService');
  const query = {
    last: '14d',
    organizationId,
    propertyId,
    service: service === undefined ? undefined : [service],
    outcome: getParameter('impactOutcome'),
    exposure: getParameter('impactExposure'),
    statistic: toStatistic(getParameter('impactStatistic')),
  };
  const state = useApi('businessImpact', query, { isLive: false });
  return (
    <Card title="Outcomes and latency" note="last 14 days">
      <Loaded state={state} height={HEIGHT}>
        {(impact) => <Comparison impact={impact} statistic={query.statistic} />}
      </Loaded>
    </Card>
  );
}

function toStatistic(text: string | undefined): Statistic {
  return text === 'p50' || text === 'average' ? text : 'p95';
}

function Comparison({ impact, statistic }: { impact: Impact; statistic: Statistic }) {
  const { selection, results, choices } = impact;
  const [all, ...tenants] = results;
  if (!selection || !all) {
    return (
      <EmptyState title="Nothing to compare">
        The comparison needs a service with requests that change something, such as POST /bookings,
        and requests that only read, such as GET /rooms.
      </EmptyState>
    );
  }
  const { service, outcome, exposure } = selection;
  const choice = choices.find((each) => each.service === service);
  const endpoints = choice?.endpoints ?? [];
  const metrics = (choice?.metrics ?? []).map((name) => `metric:${name}`);
  return (
    <>
      <div class="query-fields">
        <Choice
          label="Service"
          value={service}
          choices={choices.map((each) => each.service)}
          onChange={(name) =>
            setParameters({
              impactService: name,
              impactOutcome: undefined,
              impactExposure: undefined,
            })
          }
        />
        <Choice
          label="Outcome"
          value={outcome}
          choices={[...endpoints, ...metrics]}
          onChange={(name) => setParameters({ impactOutcome: name })}
        />
        <Choice
          label="Per"
          value={exposure}
          choices={[...endpoints, ...OTHER_EXPOSURES]}
          onChange={(name) => setParameters({ impactExposure: name })}
        />
        <Choice
          label="Latency"
          value={statistic}
          choices={Object.keys(STATISTICS)}
          name={(key) => STATISTICS[toStatistic(key)]}
          onChange={(name) => setParameters({ impactStatistic: name })}
        />
      </div>
      <p>
        <Badge kind={STATUS[all.status].kind}>{STATUS[all.status].text}</Badge>
      </p>
      {all.sentences.map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
      {all.bands.length > 0 && (
        <Table
          label="Outcomes by latency"
          columns={BAND_COLUMNS}
          rows={all.bands}
          rowKey={({ from }) => String(from)}
        />
      )}
      {tenants.length > 0 && (
        <>
          <h3>By organization</h3>
          <Table
            label="Outcomes and latency by organization"
            columns={TENANT_COLUMNS}
            rows={tenants}
            rowKey={({ organizationId = '' }) => organizationId}
          />
        </>
      )}
    </>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly choices: readonly string[];
  readonly name?: (choice: string) => string;
  readonly onChange: (choice: string) => void;
}

function Choice({ label, value, choices, name = (choice) => choice, onChange }: ChoiceProps) {
  return (
    <label class="field">
      <span>{label}</span>
      <select class="input" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {[...new Set([value, ...choices])].map((choice) => (
          <option key={choice} value={choice}>
            {name(choice)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Returns a ratio as a change in percent. */
function toChange(ratio: number | undefined): number | undefined {
  return ratio === undefined ? undefined : 100 * (ratio - 1);
}

function ChangeRange({ estimate }: { estimate: Band['relative'] }) {
  if (!estimate) return <span class="faint">–</span>;
  return (
    <>
      <Figure value={toChange(estimate.ratio)} unit="%" />{' '}
      <span class="small muted">
        {formatText(toChange(estimate.lower), '%')} to {formatText(toChange(estimate.upper), '%')}
      </span>
    </>
  );
}

const BAND_COLUMNS: readonly Column<Band>[] = [
  {
    id: 'latency',
    header: 'Latency',
    cell: ({ from, to }) =>
      to === undefined
        ? `from ${formatText(from, 'ms')}`
        : `${formatText(from, 'ms')} to ${formatText(to, 'ms')}`,
  },
  {
    id: 'intervals',
    header: 'Intervals',
    align: 'right',
    isOptional: true,
    cell: ({ intervals }) => <Figure value={intervals} />,
  },
  {
    id: 'outcome',
    header: 'Outcomes',
    align: 'right',
    cell: ({ outcome }) => <Figure value={outcome} />,
  },
  {
    id: 'rate',
    header: 'Per 100',
    align: 'right',
    cell: ({ rate }) => <Figure value={100 * rate} />,
  },
  {
    id: 'relative',
    header: 'Compared with fast (95 %)',
    align: 'right',
    cell: ({ relative }) => <ChangeRange estimate={relative} />,
  },
];

const TENANT_COLUMNS: readonly Column<ImpactResult>[] = [
  {
    id: 'organization',
    header: 'Organization',
    isWide: true,
    cell: ({ organizationId }) => <span class="name">{organizationId}</span>,
  },
  {
    id: 'status',
    header: 'Result',
    cell: ({ status }) => <Badge kind={STATUS[status].kind}>{STATUS[status].text}</Badge>,
  },
  {
    id: 'slow',
    header: 'Slow intervals (95 %)',
    align: 'right',
    cell: ({ slow }) => <ChangeRange estimate={slow} />,
  },
  {
    id: 'associated',
    header: 'Associated outcomes',
    align: 'right',
    isOptional: true,
    cell: ({ associated }) => <Figure value={associated && Math.round(associated.count)} />,
  },
];
