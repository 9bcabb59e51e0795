import { createDashboard } from '../parts/create-dashboard.ts';
import { createStat, createTimeSeries } from '../parts/panels.ts';
import {
  createTable,
  duration,
  FORECAST_STATUS,
  HEALTH,
  longText,
  number,
  percent,
  RELATIVE_TIME,
  ruleColors,
  TIME,
  text,
} from '../parts/tables.ts';
import {
  createRuleThresholds,
  createZeroColors,
  createZeroThresholds,
} from '../parts/thresholds.ts';
import { createFilters } from '../parts/variables.ts';
import { selectCoverage } from '../sql/coverage-queries.ts';
import { selectForecasts } from '../sql/forecast-queries.ts';
import {
  selectGcShare,
  selectHeapUsed,
  selectHostSeries,
  selectHosts,
  selectProcessSeries,
  selectProcessUsage,
  selectStatusCounts,
  selectUptimeShare,
  selectUptimes,
} from '../sql/host-queries.ts';
import { UPTIME_COLUMNS } from './tables.ts';

const NO_HEALTH_TEXT = 'No health data';
const PER_SECOND = '1000.0 * value_total / $__interval_ms';

export const system = createDashboard({
  name: 'system',
  title: 'Perfscope / System health',
  description:
    'Health of processes and their hosts. Hosts are not assigned to tenants. Panels are empty if SYSTEM_HEALTH_ENABLED is off.',
  ...createFilters('service', 'environment'),
  last: '1h',
  refresh: '30s',
  rows: [
    {
      height: 3,
      panels: [
        createStat({
          title: 'Processes',
          unit: 'short',
          width: 12,
          emptyText: NO_HEALTH_TEXT,
          description:
            'Processes that send health data at the end of the time range, and how many of them are not healthy. Processes that have ended are excluded.',
          sql: selectStatusCounts(),
        }).overrideByName('Not healthy', createZeroColors()),
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
          description: 'Mean CPU usage of the host, or of the container if it has a limit.',
          sql: selectHostSeries('cpuUsage'),
          thresholds: createRuleThresholds('cpu'),
        }),
        createTimeSeries({
          title: 'Memory',
          unit: 'percent',
          width: 8,
          max: 100,
          description: 'Mean memory usage of the host, or of the container if it has a limit.',
          sql: selectHostSeries('memoryUsage'),
          thresholds: createRuleThresholds('memory'),
        }),
        createTimeSeries({
          title: 'Disk',
          unit: 'percent',
          width: 8,
          max: 100,
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
          title: 'Process CPU',
          unit: 'percent',
          width: 8,
          max: 100,
          description:
            'Mean CPU usage of each process. 100 % is the CPU time of all CPUs, or the container’s limit.',
          sql: selectHostSeries('processCpuUsage'),
        }),
        createTimeSeries({
          title: 'Process memory',
          unit: 'bytes',
          width: 8,
          description: 'Mean resident memory of each process.',
          sql: selectHostSeries('processMemory'),
        }),
        createTimeSeries({
          title: 'Event loop utilization',
          unit: 'percent',
          width: 8,
          max: 100,
          description:
            'Percentage of time in which the event loop was busy. Near 100 %, requests wait for the CPU.',
          sql: selectHostSeries('eventLoopUtilization'),
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
          description:
            'How long callbacks wait before they run: the 99th percentile, averaged over each interval.',
          sql: selectHostSeries('eventLoopDelayP99'),
        }),
        createTimeSeries({
          title: 'Load',
          unit: 'short',
          width: 8,
          description: 'One-minute load average of the host.',
          sql: selectHostSeries('load'),
        }),
        createTimeSeries({
          title: 'Network',
          unit: 'Bps',
          width: 8,
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
          description: 'Maximum heap usage of each process in each interval.',
          sql: selectHeapUsed(),
        }),
        createTimeSeries({
          title: 'Garbage collection',
          unit: 'percent',
          width: 12,
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
          width: 24,
          description:
            'The latest health data of each process in the time range, and of its host or container. Processes that have ended are “not reporting”.',
          sql: selectHosts(),
          columns: {
            Service: text(85),
            Process: longText(115),
            Version: text(65),
            Status: HEALTH,
            'Last seen': RELATIVE_TIME,
            Uptime: number(85, 's'),
            'Host disk': percent(80, ruleColors('disk')),
            Load: number(55),
            'Event loop p99': duration(115),
            'Active users': number(100),
            Reservations: number(105),
          },
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTable({
          title: 'CPU and memory by process',
          width: 24,
          description:
            'The latest usage of each running process, next to its container and host. Without limits, the container is the host. 100 % of process CPU is the CPU time of all CPUs, or the container’s limit.',
          sql: selectProcessUsage(),
          columns: {
            Service: text(110),
            Process: longText(180),
            'Process CPU': percent(120),
            'Container CPU': percent(125, ruleColors('cpu')),
            'Host CPU': percent(100),
            'Process memory': number(130, 'bytes'),
            'Container memory': percent(145, ruleColors('memory')),
            'Host memory': percent(110),
          },
        }),
      ],
    },
    {
      height: 8,
      panels: [
        createTable({
          title: 'Forecasts',
          width: 24,
          description:
            'When disks, memory, pools, queues, request rates, and error budgets reach their limits, with the 80 % interval. Errors are medians of past forecasts, in percent of the limit. A naive forecast repeats the last value.',
          sql: selectForecasts(),
          columns: {
            Subject: longText(150),
            Status: FORECAST_STATUS,
            Used: percent(80),
            'Days left': number(85),
            'Limit reached': TIME,
            Earliest: TIME,
            Latest: TIME,
            Error: percent(70),
            'Naive error': percent(90),
            Reason: longText(100),
          },
        }),
      ],
    },
    {
      height: 7,
      panels: [
        createTable({
          title: 'Libraries',
          width: 16,
          description:
            'Libraries that the services use, with the numbers of processes that measure them. Processes report their libraries every ten minutes.',
          sql: selectCoverage(),
          columns: {
            Service: text(85),
            Version: text(65),
            Library: text(130),
            'Library version': text(110),
            Measured: number(80),
            'Not measured': number(100, 'short', { thresholds: createZeroThresholds() }),
            Reason: longText(150),
          },
        }),
        createTable({
          title: 'Uptime by service',
          width: 8,
          description:
            'Percentage of time in which a service ran. Planned restarts count as downtime. The time after a normal end does not.',
          sql: selectUptimes(),
          columns: UPTIME_COLUMNS,
        }),
      ],
    },
  ],
});
