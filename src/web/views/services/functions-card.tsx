import type { Query } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import { comparedQuery } from '../../api/range-query.ts';
import { TrendChart } from '../../data/trend-chart.tsx';
import { linkTo } from '../../url/view-state.ts';

/** Recorded by `traceFunction`, `traceStep`, and `@traced()`. */
const FUNCTION_METRIC = 'perfscope.function.duration';

/** The durations of the functions that a service traces. Nothing if it traces none. */
export function FunctionsCard({ service }: { service: string }) {
  const filter = { metricType: 'CUSTOM', name: [FUNCTION_METRIC], service: [service] } as const;
  const { data } = useApi('trends', {
    ...comparedQuery.value,
    ...filter,
    groupBy: ['operation'],
    aggregate: ['p95'],
  } as unknown as Query<'trends'>);
  if (!data || data.series.length === 0) return null;
  return (
    <TrendChart
      title="Functions"
      note="p95 of traced functions"
      href={linkTo('/explore', {
        metric: 'CUSTOM',
        name: FUNCTION_METRIC,
        groupBy: 'operation',
        service,
      })}
      unit="ms"
      query={{ ...filter, name: [...filter.name], service: [service], groupBy: ['operation'] }}
      aggregates={['p95']}
      name={({ operation }) => operation ?? '(more functions)'}
      isCompared={false}
    />
  );
}
