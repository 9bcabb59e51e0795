import { useApi } from '../../api/queries.ts';
import { comparedQuery, rangeQuery } from '../../api/range-query.ts';
import { TrendChart } from '../../data/trend-chart.tsx';
import { toSparkline } from '../../data/trend-data.ts';
import { Stat } from '../../design/figure.tsx';
import { formatChange, formatPoints } from '../../format/quantities.ts';
import { COMPARISONS } from '../../url/time-range.ts';
import { comparison, linkTo } from '../../url/view-state.ts';
import { AlertSummary } from './alert-summary.tsx';
import { ChangesCard } from './changes-card.tsx';
import { HostsCard } from './hosts-card.tsx';
import { QueuesCard } from './queues-card.tsx';
import { ServicesCard } from './services-card.tsx';

/** Is everything OK? If not: what, since when, for whom, and why? */
export default function Overview() {
  return (
    <>
      <Figures />
      <TrendChart
        title="Requests per second"
        span={4}
        unit="/s"
        query={{}}
        aggregates={['rate']}
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
        kind="area"
        name={() => 'p95'}
      />
      <AlertSummary />
      <ServicesCard />
      <ChangesCard />
      <QueuesCard />
      <HostsCard />
    </>
  );
}

function Figures() {
  const { data } = useApi('dashboard', {
    ...comparedQuery.value,
    compare: comparison.value ?? 'previous',
  });
  const trends = useApi('trends', { ...rangeQuery.value, aggregate: ['rate', 'errorRate', 'p95'] });
  const earlier = COMPARISONS.find(([name]) => name === (comparison.value ?? 'previous'))?.[1];
  const note = `vs ${earlier}`;
  const { requestRate, errorRate, p95ResponseTime } = data?.trends ?? {};
  const waiting = data?.queues.reduce((sum, { depth = 0 }) => sum + depth, 0);
  const slowest = data?.queues.toSorted((a, b) => (b.timeToDrain ?? 0) - (a.timeToDrain ?? 0))[0];
  return (
    <div class="stats">
      <Stat
        label="Requests"
        value={data?.api.rate}
        unit="/s"
        href={linkTo('/services')}
        change={formatChange(requestRate?.current, requestRate?.previous)}
        changeNote={note}
        values={toSparkline(trends.data, 'rate')}
      />
      <Stat
        label="Failed"
        value={data && (data.api.errorRate ?? 0)}
        unit="%"
        href={linkTo('/errors')}
        change={formatPoints(errorRate?.current, errorRate?.previous)}
        changeNote={note}
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
        changeNote={note}
        higherIs="worse"
        values={toSparkline(trends.data, 'p95')}
        color="--series-2"
      />
      <Stat
        label="Waiting jobs"
        value={waiting}
        href={linkTo('/queues')}
        changeNote={slowest ? `longest: ${slowest.queue}` : 'no queues'}
        color="--series-3"
      />
    </div>
  );
}
