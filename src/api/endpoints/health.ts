import { z } from 'zod';
import type { Catalog } from '../../questdb/catalog.ts';
import { HEALTH_STATUSES } from '../../schema/health-snapshot.ts';
import { coarsened } from '../../windows/coarsen.ts';
import { healthFigures } from '../../windows/health.ts';
import { ceilTo, MINUTE_MS, type Range } from '../../windows/range.ts';
import { usualStepMs } from '../../windows/step.ts';
import { uptime } from '../../windows/uptime.ts';
import { endpoint } from '../endpoint.ts';
import { ORIGIN_FILTERS, RANGE } from '../parameters.ts';
import { askedBy } from '../question-of.ts';
import * as shapes from '../shapes.ts';

/** Intervals of uptime that are looked at one by one. */
const MOST_INTERVALS = 10_000;

const figures = z.strictObject({
  cpu: shapes.figure,
  memory: z.number(),
  disk: shapes.figure,
  load: z.number(),
  uptime: z.number(),
  eventLoopDelayP99: shapes.figure,
  avgResponseTime: shapes.figure,
  errorRate: shapes.figure,
  gauges: z.record(z.string(), z.number()),
});

const serviceUptime = z.strictObject({
  service: z.string().optional(),
  uptime: shapes.figure,
  intervals: z.number(),
  reported: z.number(),
});

export const healthEndpoint = endpoint({
  path: '/api/performance/health',
  methods: ['get'],
  summary: "The server's own health; for who may see hosts, that of all services too",
  permission: 'read',
  query: z.strictObject({ ...RANGE, ...ORIGIN_FILTERS }),
  response: z
    .strictObject({
      status: z.enum(HEALTH_STATUSES),
      timestamp: shapes.time,
      metrics: figures.optional(),
      hosts: z.array(shapes.healthFigures).optional(),
      uptime: z.array(serviceUptime).optional(),
    })
    .meta({ id: 'Health', description: 'Usages and uptime in percent; uptime of a process in s' }),
  async handle(context) {
    const { parts, scope } = context;
    const { question } = askedBy(context);
    const { status, timestamp, metrics } = await parts.health.getHealthSnapshot();
    // The server's processor and memory are a host's as well.
    if (!scope.hosts) return { status, timestamp };
    const everyMs = intervalMs(parts.healthIntervalMs, question.range, await parts.store.catalog());
    const [hosts, up] = await Promise.all([
      healthFigures(parts.store, question),
      uptime(parts.store, { ...question, groupBy: ['service'] }, everyMs),
    ]);
    const services = up.map(({ group, ...figures }) => ({ service: group.service, ...figures }));
    return { status, timestamp, metrics, hosts, uptime: services };
  },
});

/** How often services are expected, in whole minutes; for long or old ranges in longer intervals. */
function intervalMs(reportedMs: number, range: Range, catalog: Catalog): number {
  const ms = Math.max(ceilTo(reportedMs, MINUTE_MS), usualStepMs(range, MOST_INTERVALS));
  // The time before is looked at too: who was there then is expected from the beginning on.
  const whole = { ...range, fromMs: 2 * range.fromMs - range.toMs };
  const stored = catalog.get('system_health') ?? [];
  return coarsened({ ms, zone: 'utc' }, whole, stored).step.ms;
}
