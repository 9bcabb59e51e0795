import type { Query } from '../../../client/api-types.ts';
import { useApi } from '../../api/queries.ts';
import { rangeQuery } from '../../api/range-query.ts';
import { isAllowed } from '../../api/session.ts';
import { chooseStep } from '../../data/chart-step.ts';
import { useMarks } from '../../data/marks.ts';
import { toQueueChart } from '../../data/queue-data.ts';
import { TrendChart } from '../../data/trend-chart.tsx';
import type { ChartData } from '../../data/trend-data.ts';
import { Card } from '../../design/card.tsx';
import type { ChartKind } from '../../design/chart-options.ts';
import { EmptyState, Loaded } from '../../design/states.tsx';
import { LEGEND_HEIGHT, TimeChart } from '../../design/time-chart.tsx';
import type { Unit } from '../../format/quantities.ts';

export interface QueueName {
  readonly queue: string;
  readonly scope: string | undefined;
}

const HEIGHT = 190;
/** Completed, failed, and arrived jobs have the same colors in every chart. */
const COLORS: Readonly<Record<string, string>> = {
  arrived: '--series-1',
  completed: '--series-3',
  failed: '--critical',
  stalled: '--series-2',
};

/** Arrived and ended jobs, waiting jobs, and times of a queue. */
export function QueueCharts({ queue, scope }: QueueName) {
  const state = useApi('queues', {
    ...rangeQuery.value,
    queue: [queue],
    ...(scope && { scope: [scope] }),
    step: chooseStep(),
  });
  // Callers of one organization know only the prefix of a scope.
  const trendFilter = {
    queue: [queue],
    ...(scope && isAllowed('readHosts') && { queueScope: [scope] }),
  };
  const time = (metricType: Query<'trends'>['metricType']) => ({ ...trendFilter, metricType });
  const chart = (
    title: string,
    unit: Unit,
    toData: (data: Parameters<typeof toQueueChart>[0]) => ChartData,
    kind?: ChartKind,
  ) => (
    <Card title={title} span={6}>
      <Loaded state={state} height={HEIGHT + LEGEND_HEIGHT}>
        {(data) => (
          <QueueChart title={title} unit={unit} data={toData(data)} kind={kind ?? 'line'} />
        )}
      </Loaded>
    </Card>
  );
  return (
    <>
      {chart('Arrived and ended jobs', '/s', (data) =>
        toQueueChart(data, 'rate', [
          ['arrived', ({ arrived }) => arrived],
          ['completed', ({ completed }) => completed],
          ['failed', ({ failed }) => failed],
          ...(hasStalled(data)
            ? [['stalled', ({ stalled }: { stalled: number }) => stalled] as const]
            : []),
        ]),
      )}
      {chart(
        'Waiting jobs',
        '1',
        (data) => toQueueChart(data, 'last', [['waiting', ({ depth }) => depth]]),
        'area',
      )}
      <TrendChart
        title="Age of the oldest waiting job"
        span={4}
        unit="ms"
        kind="area"
        query={time('QUEUE_OLDEST_AGE')}
        aggregates={['max']}
        name={() => 'oldest'}
        empty="No process reported the age of this queue's jobs in this range."
      />
      <TrendChart
        title="Wait before processing"
        note="p50, p95"
        span={4}
        unit="ms"
        query={time('QUEUE_WAIT_TIME')}
        aggregates={['p50', 'p95']}
        empty="No job started in this range. Choose a longer range."
      />
      <TrendChart
        title="Processing"
        note="p50, p95"
        span={4}
        unit="ms"
        query={time('QUEUE_PROCESSING_TIME')}
        aggregates={['p50', 'p95']}
        empty="No job ended in this range. Choose a longer range."
      />
    </>
  );
}

function hasStalled({ series = [] }: Parameters<typeof toQueueChart>[0]): boolean {
  return series.some(({ points }) => points.some(({ stalled }) => stalled > 0));
}

interface QueueChartProps {
  readonly title: string;
  readonly unit: Unit;
  readonly data: ChartData;
  readonly kind: ChartKind;
}

function QueueChart({ title, unit, data, kind }: QueueChartProps) {
  const marks = useMarks();
  if (data.times.length === 0) {
    return (
      <EmptyState title="No jobs in this range">
        Choose a longer range, or remove a filter.
      </EmptyState>
    );
  }
  const series = data.series.map((item) => {
    const color = COLORS[item.label];
    return color ? { ...item, color } : item;
  });
  return (
    <TimeChart
      label={title}
      {...data}
      series={series}
      unit={unit}
      height={HEIGHT}
      kind={kind}
      marks={marks}
    />
  );
}
