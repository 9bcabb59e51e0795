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

const NO_HEALTH_TEXT = 'No process sent health data. Check whether SYSTEM_HEALTH_ENABLED is off.';
const PER_SECOND = '1000.0 * value_total / $__interval_ms';

export const system = createDashboard({
  name: 'system',
  title: 'Perfscope / System health',
  description: 'Health of processes and their hosts. Hosts are not assigned to tenants.',
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
            'Processes that sent health data in the time range, and how many of them are not healthy.',
          sql: selectStatusCounts(),
        }),
        createStat({
          title: 'Uptime',
          unit: 'percent',
          width: 12,
          decimals: 2,
          emptyText: NO_HEALTH_TEXT,
          description:
            'Percentage of minutes in which the services sent health data. Colors show the target.',
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
          description: 'Mean CPU usage of the host.',
          sql: selectHostSeries('cpuUsage'),
          thresholds: createRuleThresholds('cpu'),
        }),
        createTimeSeries({
          title: 'Memory',
          unit: 'percent',
          width: 8,
          max: 100,
          emptyText: NO_HEALTH_TEXT,
          description: 'Mean memory usage of the host.',
          sql: selectHostSeries('memoryUsage'),
          thresholds: createRuleThresholds('memory'),
        }),
        createTimeSeries({
          title: 'Disk',
          unit: 'percent',
          width: 8,
          max: 100,
          emptyText: NO_HEALTH_TEXT,
          description: 'Mean usage of the root file system.',
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
            'How long callbacks wait before they run: the 99th percentile, averaged over each interval.',
          sql: selectHostSeries('eventLoopDelayP99'),
        }),
        createTimeSeries({
          title: 'Load',
          unit: 'short',
          width: 8,
          emptyText: NO_HEALTH_TEXT,
          description: 'One-minute load average of the host.',
          sql: selectHostSeries('load'),
        }),
        createTimeSeries({
          title: 'Network',
          unit: 'Bps',
          width: 8,
          emptyText: NO_HEALTH_TEXT,
          description: 'Bytes per second that the host sent and received.',
          sql: selectProcessSeries('NETWORK_IO', 'system.network.io', PER_SECOND),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTimeSeries({
          title: 'Heap used',
          unit: 'bytes',
          width: 12,
          emptyText: NO_HEALTH_TEXT,
          description: 'Maximum heap usage of each process in each interval.',
          sql: selectProcessSeries('HEAP_USAGE', 'v8js.memory.heap.used', 'maximum'),
        }),
        createTimeSeries({
          title: 'Garbage collection',
          unit: 'percent',
          width: 12,
          emptyText: NO_HEALTH_TEXT,
          description: 'Percentage of time that each process spent on garbage collection.',
          sql: selectGcShare(),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        createTable({
          title: 'Process details',
          unit: 'short',
          width: 17,
          emptyText: NO_HEALTH_TEXT,
          description: 'The latest health data of each process in the time range.',
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
          title: 'Uptime by service',
          unit: 'short',
          width: 7,
          emptyText: NO_HEALTH_TEXT,
          description:
            'Percentage of minutes in which a service sent health data. Planned restarts count as downtime.',
          sql: selectUptimes(),
          units: { Up: 'percent' },
          thresholds: createRuleThresholds('target-uptime'),
        }),
      ],
    },
  ],
});
