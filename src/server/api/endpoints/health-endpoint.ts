import { z } from 'zod';
import { MINUTE_MS } from '../../../core/duration.ts';
import { HEALTH_STATUSES } from '../../../core/schema/tables/system-health-table.ts';
import { queryProcessHealth } from '../../../storage/queries/host-health.ts';
import { chooseStepMs, coarsenStep } from '../../../storage/queries/time-buckets.ts';
import { ceilTo, type TimeRange } from '../../../storage/queries/time-range.ts';
import { queryUptime } from '../../../storage/queries/uptime.ts';
import type { Catalog } from '../../../storage/questdb/table-catalog.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { toRequestQuery } from '../request/request-query.ts';
import { ORIGIN_FILTER_PARAMETERS, RANGE_PARAMETERS } from '../schemas/query-parameters.ts';
import * as schemas from '../schemas/response-schemas.ts';

/** Maximum number of intervals per service when computing uptime. */
const MAX_UPTIME_INTERVALS = 10_000;

const healthMetricsSchema = z.strictObject({
  cpu: schemas.optionalNumberSchema,
  memory: z.number(),
  hostCpu: schemas.optionalNumberSchema,
  hostMemory: z.number(),
  processCpu: schemas.optionalNumberSchema,
  processMemory: z.number(),
  eventLoopUtilization: schemas.optionalNumberSchema,
  disk: schemas.optionalNumberSchema,
  load: z.number(),
  uptime: z.number(),
  eventLoopDelayP99: schemas.optionalNumberSchema,
  avgResponseTime: schemas.optionalNumberSchema,
  errorRate: schemas.optionalNumberSchema,
  dbConnections: schemas.optionalNumberSchema,
  dbQueryTime: schemas.optionalNumberSchema,
  gauges: z.record(z.string(), z.number()),
});

const serviceUptimeSchema = z.strictObject({
  service: z.string().optional(),
  uptime: schemas.optionalNumberSchema,
  intervals: z.number(),
  reported: z.number(),
});

export const healthEndpoint = defineEndpoint({
  path: '/api/performance/health',
  methods: ['get'],
  summary:
    'Returns the health of the server. Callers with access to hosts also get the health of all services.',
  permission: 'read',
  query: z.strictObject({ ...RANGE_PARAMETERS, ...ORIGIN_FILTER_PARAMETERS }),
  response: z
    .strictObject({
      status: z.enum(HEALTH_STATUSES),
      timestamp: schemas.timeSchema,
      metrics: healthMetricsSchema.optional(),
      hosts: z.array(schemas.healthStatsSchema).optional(),
      uptime: z.array(serviceUptimeSchema).optional(),
    })
    .meta({
      id: 'Health',
      description:
        'Usage values and the uptime of services are in percent. CPU and memory are shares of the limits of the container, or of the host without limits. The memory of a process is in bytes, and its uptime in seconds. Lists the processes that reported in the last three intervals.',
    }),
  async handle(context) {
    const { dependencies, scope } = context;
    const { dbQuery } = toRequestQuery(context);
    const { status, timestamp, metrics } = await dependencies.health.getHealthSnapshot();
    // The server's own CPU and memory usage are also host metrics.
    if (!scope.hosts) return { status, timestamp };
    const intervalMs = getUptimeIntervalMs(
      dependencies.healthIntervalMs,
      dbQuery.range,
      await dependencies.queryClient.getCatalog(),
    );
    const [hosts, uptimes] = await Promise.all([
      queryProcessHealth(dependencies.queryClient, dbQuery),
      queryUptime(dependencies.queryClient, { ...dbQuery, groupBy: ['service'] }, intervalMs),
    ]);
    const services = uptimes.map(({ group, uptime, intervals, reported }) => ({
      service: group.service,
      uptime,
      intervals,
      reported,
    }));
    return { status, timestamp, metrics, hosts, uptime: services };
  },
});

/**
 * Returns the interval in which services must report, in whole minutes. It is longer for long or
 * old ranges.
 */
function getUptimeIntervalMs(reportMs: number, range: TimeRange, catalog: Catalog): number {
  const ms = Math.max(ceilTo(reportMs, MINUTE_MS), chooseStepMs(range, MAX_UPTIME_INTERVALS));
  // Includes the preceding range, because a service that reported in it must report from the start.
  const whole = { ...range, fromMs: 2 * range.fromMs - range.toMs };
  const stored = catalog.get('system_health') ?? [];
  return coarsenStep({ ms, zone: 'utc' }, whole, stored).step.ms;
}
