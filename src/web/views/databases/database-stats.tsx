import type { Query } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { toSparkline } from '../../data/trend-data.ts';
import { totalTime } from '../../data/work-columns.tsx';
import { Stat } from '../../design/figure.tsx';
import { formatChange, formatPoints } from '../../format/quantities.ts';
import { formatComparison } from '../../url/time-range.ts';
import { comparison } from '../../url/view-state.ts';

interface Totals {
  readonly count: number;
  readonly rate: number;
  readonly errorRate: number;
  readonly average: number | undefined;
}

/** Figures of all statements with their changes. */
export function DatabaseStats({ filter }: { filter: Partial<Query<'database'>> }) {
  const compare = comparison.value ?? 'yesterday';
  const query = { ...rangeQuery.value, ...filter };
  const { data } = useApi('database', { ...query, compare, groupBy: ['service'], limit: 1000 });
  const trends = useApi('trends', {
    ...query,
    metricType: 'DATABASE_QUERY_TIME',
    aggregate: ['rate', 'errorRate', 'average', 'p95'],
  } as Query<'trends'>);
  const now = data && addUp(data.statements);
  const earlier = data && addUp(data.statements.flatMap(({ previous }) => previous ?? []));
  const previous = earlier && earlier.count > 0 ? earlier : undefined;
  const note = previous && formatComparison(compare);
  return (
    <div class="stats">
      <Stat
        label="Statements"
        value={now?.rate}
        unit="/s"
        change={formatChange(now?.rate, previous?.rate)}
        changeNote={note}
        values={toSparkline(trends.data, 'rate')}
      />
      <Stat
        label="Failed"
        value={now?.errorRate}
        unit="%"
        isBad={(now?.errorRate ?? 0) >= 1}
        higherIs="worse"
        change={formatPoints(now?.errorRate, previous?.errorRate)}
        changeNote={note}
        values={toSparkline(trends.data, 'errorRate')}
        color="--critical"
      />
      <Stat
        label="Mean duration"
        value={now?.average}
        unit="ms"
        higherIs="worse"
        change={formatChange(now?.average, previous?.average)}
        changeNote={note}
        values={toSparkline(trends.data, 'average')}
        color="--series-2"
      />
      <Stat
        label="p95 duration"
        value={data?.figures.p95}
        unit="ms"
        values={toSparkline(trends.data, 'p95')}
        color="--series-2"
      />
      <Stat
        label="Over 500 ms"
        value={data?.figures.slowShare}
        unit="%"
        changeNote="of the statements"
      />
    </div>
  );
}

type Part = Parameters<typeof totalTime>[0];

/** Combines the figures of services. Means and error rates are weighted by the number of statements. */
function addUp(parts: readonly Pick<Part, 'count' | 'rate' | 'errorRate' | 'average'>[]): Totals {
  const sum = (value: (part: (typeof parts)[number]) => number) =>
    parts.reduce((total, part) => total + value(part), 0);
  const count = sum((part) => part.count);
  return {
    count,
    rate: sum((part) => part.rate),
    errorRate: count === 0 ? 0 : sum((part) => part.count * (part.errorRate ?? 0)) / count,
    average: count === 0 ? undefined : sum(totalTime) / count,
  };
}
