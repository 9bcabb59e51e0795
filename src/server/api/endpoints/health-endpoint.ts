import { z } from 'zod';
import { HEALTH_STATUSES } from '../../../core/schema/tables/system-health-table.ts';
import { queryProcessHealth, queryUptime } from '../../../storage/queries/host-health.ts';
import { ceilTo, MINUTE_MS, type TimeRange } from '../../../storage/queries/query-range.ts';
import { chooseStepMs, coarsenStep } from '../../../storage/queries/query-step.ts';
import type { Catalog } from '../../../storage/questdb/table-catalog.ts';
import { defineEndpoint } from '../endpoint-definition.ts';
import { toRequestQuery } from '../request/request-query.ts';
import { ORIGIN_FILTER_PARAMETERS, RANGE_PARAMETERS } from '../schemas/query-parameters.ts';
import * as shapes from '../schemas/response-schemas.ts';

/** Intervals of uptime that are looked at one by one. */
const MAX_UPTIME_INTERVALS = 10_000;

const healthMetricsSchema = z.strictObject({
  cpu: shapes.optionalNumberSchema,
  memory: z.number(),
  disk: shapes.optionalNumberSchema,
  load: z.number(),
  uptime: z.number(),
  eventLoopDelayP99: shapes.optionalNumberSchema,
  avgResponseTime: shapes.optionalNumberSchema,
  errorRate: shapes.optionalNumberSchema,
  gauges: z.record(z.string(), z.number()),
});

const serviceUptimeSchema = z.strictObject({
  service: z.string().optional(),
  uptime: shapes.optionalNumberSchema,
  intervals: z.number(),
  reported: z.number(),
});

export const healthEndpoint = defineEndpoint({
  path: '/api/performance/health',
  methods: ['get'],
  summary: "The server's own health; for who may see hosts, that of all services too",
  permission: 'read',
  query: z.strictObject({ ...RANGE_PARAMETERS, ...ORIGIN_FILTER_PARAMETERS }),
  response: z
    .strictObject({
      status: z.enum(HEALTH_STATUSES),
      timestamp: shapes.timeSchema,
      metrics: healthMetricsSchema.optional(),
      hosts: z.array(shapes.healthStatsSchema).optional(),
      uptime: z.array(serviceUptimeSchema).optional(),
    })
    .meta({ id: 'Health', description: 'Usages and uptime in percent; uptime of a process in s' }),
  async handle(context) {
    const { dependencies, scope } = context;
    const { question } = toRequestQuery(context);
    const { status, timestamp, metrics } = await dependencies.health.getHealthSnapshot();
    // The server's processor and memory are a host's as well.
    if (!scope.hosts) return { status, timestamp };
    const everyMs = getUptimeIntervalMs(
      dependencies.healthIntervalMs,
      question.range,
      await dependencies.queryClient.getCatalog(),
    );
    const [hosts, up] = await Promise.all([
      queryProcessHealth(dependencies.queryClient, question),
      queryUptime(dependencies.queryClient, { ...question, groupBy: ['service'] }, everyMs),
    ]);
    const services = up.map(({ group, ...figures }) => ({ service: group.service, ...figures }));
    return { status, timestamp, metrics, hosts, uptime: services };
  },
});

/** How often services are expected, in whole minutes; for long or old ranges in longer intervals. */
function getUptimeIntervalMs(reportedMs: number, range: TimeRange, catalog: Catalog): number {
  const ms = Math.max(ceilTo(reportedMs, MINUTE_MS), chooseStepMs(range, MAX_UPTIME_INTERVALS));
  // The time before is looked at too: who was there then is expected from the beginning on.
  const whole = { ...range, fromMs: 2 * range.fromMs - range.toMs };
  const stored = catalog.get('system_health') ?? [];
  return coarsenStep({ ms, zone: 'utc' }, whole, stored).step.ms;
}
