import { dashboard } from '../parts/dashboard.ts';
import { lines, stat, table } from '../parts/panels.ts';
import { thresholdsOf } from '../parts/thresholds.ts';
import { narrowedBy } from '../parts/variables.ts';
import {
  gcShare,
  hostLines,
  hostTable,
  processLines,
  statuses,
  upShare,
  upTable,
} from '../sql/hosts.ts';

const NONE = 'No process reported its health: SYSTEM_HEALTH_ENABLED may be off';
const PER_SECOND = '1000.0 * value_total / $__interval_ms';

export const system = dashboard({
  name: 'system',
  title: 'Perfscope / System health',
  description: 'Processes and their hosts. Hosts belong to no tenant.',
  ...narrowedBy('service', 'environment'),
  last: '1h',
  refresh: '30s',
  rows: [
    {
      height: 4,
      panels: [
        stat({
          title: 'Processes',
          unit: 'short',
          width: 12,
          empty: NONE,
          description:
            'Processes that reported in the range, and those of them that are not healthy.',
          sql: statuses(),
        }),
        stat({
          title: 'Up',
          unit: 'percent',
          width: 12,
          decimals: 2,
          empty: NONE,
          description:
            'Share of the minutes in which the services reported. Coloured by the target.',
          sql: upShare(),
          thresholds: thresholdsOf('target-uptime'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'CPU',
          unit: 'percent',
          width: 8,
          max: 100,
          empty: NONE,
          description: 'Share of the host’s CPU that was used, mean.',
          sql: hostLines('cpuUsage'),
          thresholds: thresholdsOf('cpu'),
        }),
        lines({
          title: 'Memory',
          unit: 'percent',
          width: 8,
          max: 100,
          empty: NONE,
          description: 'Share of the host’s memory that was used, mean.',
          sql: hostLines('memoryUsage'),
          thresholds: thresholdsOf('memory'),
        }),
        lines({
          title: 'Disk',
          unit: 'percent',
          width: 8,
          max: 100,
          empty: NONE,
          description: 'Share of the root file system that was used, mean.',
          sql: hostLines('diskUsage'),
          thresholds: thresholdsOf('disk'),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Event loop delay',
          unit: 'ms',
          width: 8,
          empty: NONE,
          description:
            '99th percentile, mean of each interval: how long what is ready has to wait.',
          sql: hostLines('eventLoopDelayP99'),
        }),
        lines({
          title: 'Load',
          unit: 'short',
          width: 8,
          empty: NONE,
          description: 'One-minute load average of the hosts.',
          sql: hostLines('load'),
        }),
        lines({
          title: 'Network',
          unit: 'Bps',
          width: 8,
          empty: NONE,
          description: 'Bytes that the hosts sent and received per second.',
          sql: processLines('NETWORK_IO', 'system.network.io', PER_SECOND),
        }),
      ],
    },
    {
      height: 8,
      panels: [
        lines({
          title: 'Heap',
          unit: 'bytes',
          width: 12,
          empty: NONE,
          description: 'Heap of each process that is in use, the greatest of each interval.',
          sql: processLines('HEAP_USAGE', 'v8js.memory.heap.used', 'most'),
        }),
        lines({
          title: 'Garbage collection',
          unit: 'percent',
          width: 12,
          empty: NONE,
          description: 'Share of time that each process spent with it.',
          sql: gcShare(),
        }),
      ],
    },
    {
      height: 9,
      panels: [
        table({
          title: 'Each process',
          unit: 'short',
          width: 17,
          empty: NONE,
          description: 'The latest health of each process in the range.',
          sql: hostTable(),
          units: {
            Uptime: 's',
            CPU: 'percent',
            Memory: 'percent',
            Disk: 'percent',
            'Event loop p99': 'ms',
          },
        }),
        table({
          title: 'Uptime',
          unit: 'short',
          width: 7,
          empty: NONE,
          description:
            'Share of the minutes in which a service reported; planned restarts count as down.',
          sql: upTable(),
          units: { Up: 'percent' },
          thresholds: thresholdsOf('target-uptime'),
        }),
      ],
    },
  ],
});
