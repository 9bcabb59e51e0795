import { useMemo } from 'preact/hooks';
import type { Query } from '../../client/api-types.ts';
import { useApi } from '../api/queries.ts';
import { rangeQuery } from '../api/range-query.ts';
import { Card } from '../design/card.tsx';
import { Heatmap, type Selection } from '../design/heatmap.tsx';
import { EmptyState, Loaded } from '../design/states.tsx';
import { parseDuration } from '../url/time-range.ts';
import { getParameter, setParameters } from '../url/view-state.ts';
import { TrendChart } from './trend-chart.tsx';

export type RequestFilter = Pick<
  Query<'trends'>,
  'service' | 'operation' | 'endpoint' | 'organizationId'
>;

const CHART_HEIGHT = 190;
const LEGEND_HEIGHT = 23;

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
        kind="area"
        name={() => 'requests'}
      />
      <TrendChart
        title="Response time"
        span={4}
        unit="ms"
        query={filter as object}
        aggregates={['p50', 'p95', 'p99']}
        note="p50, p95, p99"
      />
      <LatencyHeatmap filter={filter} span={4} />
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

function LatencyHeatmap({ filter, span }: { filter: RequestFilter; span: 4 }) {
  const state = useApi('distribution', { ...rangeQuery.value, ...(filter as object) });
  const distribution = useMemo(
    () =>
      state.data && {
        timesMs: state.data.times.map((time) => Date.parse(time)),
        uppers: state.data.uppers,
        cells: state.data.cells as [number, number, number, number][],
      },
    [state.data],
  );
  return (
    <Card title="Latency distribution" note="drag to select" span={span}>
      <Loaded state={state} height={CHART_HEIGHT + LEGEND_HEIGHT}>
        {(data) =>
          data.cells.length === 0 || !distribution ? (
            <EmptyState title="No requests in this range">
              Choose a longer range, or remove a filter.
            </EmptyState>
          ) : (
            <Heatmap
              label="Latency distribution"
              distribution={distribution}
              unit="ms"
              fromMs={Date.parse(data.from)}
              toMs={Date.parse(data.to)}
              stepMs={parseDuration(data.step) ?? 60_000}
              selection={readSelection()}
              onSelect={({ fromMs, toMs, min, max }) =>
                setParameters({
                  box: [fromMs, toMs, min, max]
                    .map((value) => Number(value.toPrecision(13)))
                    .join('_'),
                })
              }
            />
          )
        }
      </Loaded>
    </Card>
  );
}
