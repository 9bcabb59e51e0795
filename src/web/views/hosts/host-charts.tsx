import type { HostFilter } from '../../api/range-query.ts';
import { toPerSecond } from '../../data/per-second.ts';
import { TrendChart, type TrendChartProps } from '../../data/trend-chart.tsx';
import { linkTo } from '../../url/view-state.ts';

const CHART_SERIES = 8;
/** Metrics with the used heap. Other metrics of the same type are limits. */
const HEAP_METRICS = [
  'v8js.memory.heap.used',
  'jvm.memory.used',
  'go.memory.used',
  'process.runtime.go.mem.heap_alloc',
  'dotnet.gc.last_collection.heap.size',
];

type Chart = Pick<TrendChartProps, 'title' | 'unit' | 'query' | 'aggregates'> &
  Partial<Pick<TrendChartProps, 'note' | 'transform' | 'empty' | 'thresholds'>>;

const CHARTS: readonly Chart[] = [
  {
    title: 'CPU',
    note: 'of the container or host',
    unit: '%',
    query: { metricType: 'CPU_USAGE' },
    aggregates: ['average'],
  },
  {
    title: 'Memory',
    note: 'of the container or host',
    unit: '%',
    query: { metricType: 'MEMORY_USAGE' },
    aggregates: ['max'],
  },
  {
    title: 'Disk',
    note: 'fullest file system',
    unit: '%',
    query: { metricType: 'DISK_USAGE' },
    aggregates: ['max'],
  },
  {
    title: 'Event loop delay',
    note: 'highest p99',
    unit: 'ms',
    query: { metricType: 'EVENT_LOOP_DELAY', name: ['nodejs.eventloop.delay.p99'] },
    aggregates: ['max'],
    empty: 'Only Node.js processes with the agent report it.',
  },
  {
    title: 'Event loop utilization',
    note: 'mean',
    unit: '%',
    query: { metricType: 'CUSTOM', name: ['nodejs.eventloop.utilization'] },
    aggregates: ['average'],
    empty: 'Only Node.js processes with the agent report it.',
  },
  {
    title: 'Garbage collection',
    note: 'longest pause',
    unit: 'ms',
    query: { metricType: 'GC_DURATION' },
    aggregates: ['max'],
  },
  {
    title: 'Heap',
    note: 'used, largest process',
    unit: 'By',
    query: { metricType: 'HEAP_USAGE', name: HEAP_METRICS },
    aggregates: ['max'],
  },
  {
    title: 'Process memory',
    note: 'largest process',
    unit: 'By',
    query: { metricType: 'CUSTOM', name: ['process.memory.usage'] },
    aggregates: ['max'],
  },
  {
    title: 'Network',
    note: 'sent and received',
    unit: 'By/s',
    query: { metricType: 'NETWORK_IO' },
    aggregates: ['sum'],
    transform: toPerSecond,
  },
];

/** Charts of hosts and runtimes: by service, or by instance if the page shows one service. */
export function HostCharts({ filter }: { filter: HostFilter }) {
  const isOne = filter.service?.length === 1 || filter.instance !== undefined;
  const dimension = isOne ? 'instance' : 'service';
  return (
    <>
      {CHARTS.map(({ query, note, ...chart }) => (
        <TrendChart
          key={chart.title}
          {...chart}
          note={[note, `by ${dimension}`].filter(Boolean).join(', ')}
          span={4}
          height={150}
          query={{ ...query, ...filter, groupBy: [dimension], limit: CHART_SERIES }}
          name={(group) => group[dimension] ?? '(none)'}
          hasTenants={false}
        />
      ))}
      <p class="muted small">
        Limits of these metrics: <a href={linkTo('/rules', { rule: 'cpu' })}>CPU</a>,{' '}
        <a href={linkTo('/rules', { rule: 'memory' })}>memory</a>, and{' '}
        <a href={linkTo('/rules', { rule: 'disk' })}>disk</a>. For single processes, choose a
        service.
      </p>
    </>
  );
}
