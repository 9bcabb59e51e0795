import { createDashboard } from '../parts/create-dashboard.ts';
import { createStat, createTable, createTimeSeries } from '../parts/panels.ts';
import { createRuleThresholds } from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import {
  selectGcShare,
  selectHostSeries,
  selectHosts,
  selectProcessSeries,
  selectStatusCounts,
  selectUptimeShare,
  selectUptimes,
} from '../sql/host-queries.ts';

const NO_HEALTH_TEXT = 'No process reported its health: SYSTEM_HEALTH_ENABLED may be off';
const PER_SECOND = '1000.0 * value_total / $__interval_ms';

export const system = createDashboard({
  name: 'system',
  title: 'Perfscope / System health',
  description: 'Processes and their hosts. Hosts belong to no tenant.',
  ...createFilters('service', 'environment'),
  last: '1h',
  refresh: '30s',
  rows: [
    {
      height: 4,
      panels: [
        createStat({
          title: 'Processes',
          unit: 'short',
          width: 12,
          emptyText: NO_HEALTH_TEXT,
          description:
            'Processes that reported in the range, and those of them that are not healthy.',
          sql: selectStatusCounts(),
        }),
        createStat({
          title: 'Up',
          unit: 'percent',
          width: 12,
          decimals: 2,
          emptyText: NO_HEALTH_TEXT,
          description:
            'Share of the minutes in which the services reported. Coloured by the target.',
          sql: selectUptimeShare(),
          thresholds: createRuleThresholds('target-uptime'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'CPU',
          unit: 'percent',
          width: 8,
          max: 100,
          emptyText: NO_HEALTH_TEXT,
          description: 'Share of the host’s CPU that was used, mean.',
          sql: selectHostSeries('cpuUsage'),
          thresholds: createRuleThresholds('cpu'),
        }),
        createTimeSeries({
          title: 'Memory',
          unit: 'percent',
          width: 8,
          max: 100,
          emptyText: NO_HEALTH_TEXT,
          description: 'Share of the host’s memory that was used, mean.',
          sql: selectHostSeries('memoryUsage'),
          thresholds: createRuleThresholds('memory'),
        }),
        createTimeSeries({
          title: 'Disk',
          unit: 'percent',
          width: 8,
          max: 100,
          emptyText: NO_HEALTH_TEXT,
          description: 'Share of the root file system that was used, mean.',
          sql: selectHostSeries('diskUsage'),
          thresholds: createRuleThresholds('disk'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Event loop delay',
          unit: 'ms',
          width: 8,
          emptyText: NO_HEALTH_TEXT,
          description:
            '99th percentile, mean of each interval: how long what is ready has to wait.',
          sql: selectHostSeries('eventLoopDelayP99'),
        }),
        createTimeSeries({
          title: 'Load',
          unit: 'short',
          width: 8,
          emptyText: NO_HEALTH_TEXT,
          description: 'One-minute load average of the hosts.',
          sql: selectHostSeries('load'),
        }),
        createTimeSeries({
          title: 'Network',
          unit: 'Bps',
          width: 8,
          emptyText: NO_HEALTH_TEXT,
          description: 'Bytes that the hosts sent and received per second.',
          sql: selectProcessSeries('NETWORK_IO', 'system.network.io', PER_SECOND),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Heap',
          unit: 'bytes',
          width: 12,
          emptyText: NO_HEALTH_TEXT,
          description: 'Heap of each process that is in use, the greatest of each interval.',
          sql: selectProcessSeries('HEAP_USAGE', 'v8js.memory.heap.used', 'most'),
        }),
        createTimeSeries({
          title: 'Garbage collection',
          unit: 'percent',
          width: 12,
          emptyText: NO_HEALTH_TEXT,
          description: 'Share of time that each process spent with it.',
          sql: selectGcShare(),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Each process',
          unit: 'short',
          width: 17,
          emptyText: NO_HEALTH_TEXT,
          description: 'The latest health of each process in the range.',
          sql: selectHosts(),
          units: {
            Uptime: 's',
            CPU: 'percent',
            Memory: 'percent',
            Disk: 'percent',
            'Event loop p99': 'ms',
          },
        }),
        createTable({
          title: 'Uptime',
          unit: 'short',
          width: 7,
          emptyText: NO_HEALTH_TEXT,
          description:
            'Share of the minutes in which a service reported; planned restarts count as down.',
          sql: selectUptimes(),
          units: { Up: 'percent' },
          thresholds: createRuleThresholds('target-uptime'),
        }),
      ],
    },
  ],
});
