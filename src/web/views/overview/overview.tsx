import type { ApiResponse } from '../../../client/api-types.ts';
import { type ApiState, preloadApi, RequestsAllowed, useApi } from '../../api/queries.ts';
import { comparedQuery, rangeQuery } from '../../api/range-query.ts';
import { toWaitingSparkline } from '../../data/queue-data.ts';
import { TrendChart } from '../../data/trend-chart.tsx';
import { toSparkline } from '../../data/trend-data.ts';
import { Stat } from '../../design/figure.tsx';
import { formatChange, formatPoints, formatText } from '../../format/quantities.ts';
import { formatComparison } from '../../url/time-range.ts';
import { comparison, linkTo } from '../../url/view-state.ts';
import { AlertSummary } from './alert-summary.tsx';
import { ChangesCard } from './changes-card.tsx';
import { HostsCard } from './hosts-card.tsx';
import { QueuesCard, useQueues } from './queues-card.tsx';
import { ServicesCard } from './services-card.tsx';

/** The figures and the charts share a request. */
const LOADED = ['rate', 'errorRate', 'p95'] as const;

const trendsQuery = () => ({ ...rangeQuery.value, aggregate: [...LOADED] });

/** Requests what the first charts show. */
export function preload(): Promise<void> {
  return preloadApi('trends', trendsQuery());
}

/** Is everything OK? If not: what, since when, for whom, and why? */
export default function Overview() {
  const trends = useApi('trends', trendsQuery());
  return (
    <>
      <Figures trends={trends} />
      <TrendChart
        title="Requests per second"
        span={4}
        unit="/s"
        query={{}}
        aggregates={['rate']}
        band="rate"
        loaded={LOADED}
        kind="area"
        name={() => 'requests'}
      />
      <TrendChart
        title="Response time"
        note="p95"
        span={4}
        unit="ms"
        query={{}}
        aggregates={['p95']}
        band="p95"
        loaded={LOADED}
        kind="area"
        name={() => 'p95'}
      />
      <RequestsAllowed.Provider value={!trends.isLoading}>
        <AlertSummary />
        <ServicesCard />
        <ChangesCard />
        <QueuesCard />
        <HostsCard />
      </RequestsAllowed.Provider>
    </>
  );
}

function Figures({ trends }: { trends: ApiState<ApiResponse<'trends'>> }) {
  const { data } = useApi(
    'dashboard',
    { ...comparedQuery.value, compare: comparison.value ?? 'previous' },
    { enabled: !trends.isLoading },
  );
  const toNote = (previous: unknown) =>
    previous === undefined ? 'no earlier data' : formatComparison(comparison.value ?? 'previous');
  const { requestRate, errorRate, p95ResponseTime } = data?.trends ?? {};
  const queues = useQueues({ enabled: !trends.isLoading });
  const waiting = data?.queues.reduce((sum, { depth = 0 }) => sum + depth, 0);
  return (
    <div class="stats">
      <Stat
        label="Requests"
        value={data?.api.rate}
        unit="/s"
        href={linkTo('/services')}
        change={formatChange(requestRate?.current, requestRate?.previous)}
        changeNote={toNote(requestRate?.previous)}
        values={toSparkline(trends.data, 'rate')}
      />
      <Stat
        label="Failed"
        value={data && (data.api.errorRate ?? 0)}
        unit="%"
        href={linkTo('/errors')}
        change={formatPoints(errorRate?.current, errorRate?.previous)}
        changeNote={toNote(errorRate?.previous)}
        higherIs="worse"
        values={toSparkline(trends.data, 'errorRate')}
        color="--critical"
      />
      <Stat
        label="p95 response time"
        value={data?.api.p95}
        unit="ms"
        href={linkTo('/services', { sort: '-p95' })}
        change={formatChange(p95ResponseTime?.current, p95ResponseTime?.previous)}
        changeNote={toNote(p95ResponseTime?.previous)}
        higherIs="worse"
        values={toSparkline(trends.data, 'p95')}
        color="--series-2"
      />
      <Stat
        label="Waiting jobs"
        value={waiting}
        href={linkTo('/queues')}
        changeNote={describeDrain(data?.queues ?? [])}
        values={toWaitingSparkline(queues.data)}
        color="--series-3"
      />
    </div>
  );
}

/** Says when the queue that takes longest is empty. */
function describeDrain(queues: ApiResponse<'dashboard'>['queues']): string {
  if (queues.length === 0) return 'no queues';
  const waiting = queues.filter(({ depth = 0 }) => depth > 0);
  const [slowest] = waiting.toSorted((a, b) => (b.timeToDrain ?? 0) - (a.timeToDrain ?? 0));
  if (!slowest) return 'no job waits';
  return slowest.timeToDrain === undefined
    ? `most in ${slowest.queue}`
    : `${slowest.queue}: empty in ${formatText(slowest.timeToDrain, 'ms')}`;
}
