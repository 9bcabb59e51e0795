import type { Query } from '../../client/api-types.ts';
import type { Selection } from '../design/heatmap.tsx';
import { getParameter, setParameters } from '../url/view-state.ts';
import { DistributionChart } from './distribution-chart.tsx';
import { TrendChart } from './trend-chart.tsx';

export type RequestFilter = Pick<
  Query<'trends'>,
  'service' | 'operation' | 'endpoint' | 'organizationId'
>;

/** Rate, response time, and latency heatmap of requests. A rectangle of the heatmap is a part of the URL. */
export function RequestCharts({ filter }: { filter: RequestFilter }) {
  return (
    <>
      <TrendChart
        title="Requests"
        span={4}
        unit="/s"
        query={filter as object}
        aggregates={['rate']}
        band="rate"
        kind="area"
        name={() => 'requests'}
      />
      <TrendChart
        title="Response time"
        span={4}
        unit="ms"
        query={filter as object}
        aggregates={['p50', 'p95', 'p99']}
        band="p95"
        note="p50, p95, p99"
      />
      <DistributionChart
        title="Latency distribution"
        query={filter as object}
        noun="requests"
        selection={readSelection()}
        hint="Drag a rectangle to list its requests"
        onSelect={({ fromMs, toMs, min, max }) =>
          setParameters({
            box: [fromMs, toMs, min, max].map((value) => Number(value.toPrecision(13))).join('_'),
          })
        }
      />
      <TrendChart
        title="Failed requests"
        span={12}
        height={110}
        unit="%"
        query={filter as object}
        aggregates={['errorRate']}
        kind="area"
        name={() => 'failed'}
      />
    </>
  );
}

/** The rectangle in the parameter `box`: start, end, lowest, and highest value. */
export function readSelection(): Selection | undefined {
  const numbers = (getParameter('box') ?? '').split('_').map(Number);
  if (numbers.length !== 4 || !numbers.every(Number.isFinite)) return undefined;
  const [fromMs, toMs, min, max] = numbers as [number, number, number, number];
  return fromMs < toMs && min < max ? { fromMs, toMs, min, max } : undefined;
}
