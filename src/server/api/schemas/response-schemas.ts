import { z } from 'zod';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import { DIMENSION_NAMES } from './query-parameters.ts';

/** A value that is missing if nothing was reported. */
export const optionalNumberSchema = z.number().optional();
export const optionalTextSchema = z.string().optional();
export const timeSchema = z.iso.datetime();

/** The effective time range of a response. */
export const TIME_RANGE_FIELDS = { from: timeSchema, to: timeSchema };

export const groupSchema = z
  .strictObject(
    Object.fromEntries(
      DIMENSION_NAMES.map((dimension) => [dimension, optionalTextSchema]),
    ) as Record<(typeof DIMENSION_NAMES)[number], typeof optionalTextSchema>,
  )
  .meta({
    id: 'Group',
    description: 'Dimension values of a group. A missing dimension means rows without that value.',
  });

const namedTimeSchema = z.strictObject({
  name: z.string(),
  operation: optionalTextSchema,
  service: optionalTextSchema,
  count: z.number(),
  average: z.number(),
});

/** Durations in ms, `rate` per second, `errorRate` in percent. */
export const STATS_FIELDS = {
  count: z.number(),
  rate: z.number(),
  errorCount: optionalNumberSchema,
  errorRate: optionalNumberSchema,
  average: optionalNumberSchema,
  min: optionalNumberSchema,
  max: optionalNumberSchema,
  p50: optionalNumberSchema,
  p90: optionalNumberSchema,
  p95: optionalNumberSchema,
  p99: optionalNumberSchema,
  p999: optionalNumberSchema,
};

/** Where the time of requests goes. Times in ms and calls are means per request, and shares are in percent. */
const BREAKDOWN_FIELDS = {
  databaseTime: optionalNumberSchema,
  databaseShare: optionalNumberSchema,
  databaseCalls: optionalNumberSchema,
  outgoingTime: optionalNumberSchema,
  outgoingShare: optionalNumberSchema,
  outgoingCalls: optionalNumberSchema,
  queueTime: optionalNumberSchema,
  queueShare: optionalNumberSchema,
  queueCalls: optionalNumberSchema,
  connectionWaitTime: optionalNumberSchema,
  connectionWaitShare: optionalNumberSchema,
  eventLoopWaitTime: optionalNumberSchema,
  eventLoopWaitShare: optionalNumberSchema,
  ownTime: optionalNumberSchema,
  ownShare: optionalNumberSchema,
};

/**
 * Aborted requests are in no other value. `abortedRate` is the percentage of all requests, including
 * aborted ones. Data of older versions has no status classes, no times to the first byte, and no breakdown.
 */
export const REQUEST_DETAIL_FIELDS = {
  abortedCount: optionalNumberSchema,
  abortedRate: optionalNumberSchema,
  count2xx: optionalNumberSchema,
  count3xx: optionalNumberSchema,
  count4xx: optionalNumberSchema,
  count5xx: optionalNumberSchema,
  firstByteAverage: optionalNumberSchema,
  firstByteMax: optionalNumberSchema,
  ...BREAKDOWN_FIELDS,
};

export const STREAM_FIELDS = {
  count: z.number(),
  errorCount: optionalNumberSchema,
  errorRate: optionalNumberSchema,
  average: optionalNumberSchema,
  max: optionalNumberSchema,
  ...REQUEST_DETAIL_FIELDS,
};

const streamStatsSchema = z.strictObject(STREAM_FIELDS).meta({
  id: 'StreamFigures',
  description:
    'Long-lived responses that ended, such as server-sent events. `average` and `max` are the time that they were open, in ms.',
});

export const requestStatsSchema = z
  .strictObject({
    ...STATS_FIELDS,
    ...REQUEST_DETAIL_FIELDS,
    slowestEndpoints: z.array(namedTimeSchema),
    streams: streamStatsSchema.optional(),
  })
  .meta({ id: 'RequestFigures' });

/** Returns a schema for the old name of a field, which responses contain for older clients. */
function createOldFieldSchema(name: string) {
  return optionalNumberSchema.meta({ description: `Use \`${name}\` instead.`, deprecated: true });
}

export const databaseStatsSchema = z
  .strictObject({
    count: z.number(),
    rate: z.number(),
    average: optionalNumberSchema,
    p95: optionalNumberSchema,
    errorRate: optionalNumberSchema,
    connections: optionalNumberSchema,
    slowShare: optionalNumberSchema,
    slowestOperations: z.array(namedTimeSchema),
    averageQueryTime: createOldFieldSchema('average'),
    p95QueryTime: createOldFieldSchema('p95'),
    slowQueryShare: createOldFieldSchema('slowShare'),
  })
  .meta({ id: 'DatabaseFigures' });

export const queueScopeSchema = z.string().optional().meta({
  description:
    'Redis server and prefix of the queue: prefix@host:port/db. Callers limited to a tenant get only the prefix.',
});

export const queueStatsSchema = z
  .strictObject({
    queue: z.string(),
    scope: queueScopeSchema,
    completed: z.number(),
    failed: z.number(),
    stalled: z.number(),
    failureRate: optionalNumberSchema,
    processingTime: optionalNumberSchema,
    waitTime: optionalNumberSchema,
    arrivalRate: z.number(),
    completionRate: z.number(),
    depth: optionalNumberSchema,
    depthByState: z.record(z.string(), z.number()),
    oldestAge: optionalNumberSchema,
    workers: optionalNumberSchema,
    timeToDrain: optionalNumberSchema,
  })
  .meta({ id: 'QueueFigures' });

export const healthStatsSchema = z
  .strictObject({
    service: z.string(),
    instance: z.string(),
    status: optionalTextSchema,
    host: optionalTextSchema,
    cpuUsage: optionalNumberSchema,
    memoryUsage: optionalNumberSchema,
    hostCpuUsage: optionalNumberSchema,
    hostMemoryUsage: optionalNumberSchema,
    processCpuUsage: optionalNumberSchema,
    processMemory: optionalNumberSchema,
    eventLoopUtilization: optionalNumberSchema,
    diskUsage: optionalNumberSchema,
    eventLoopDelayP99: optionalNumberSchema,
    uptime: optionalNumberSchema,
    dbConnections: optionalNumberSchema,
    dbQueryTime: optionalNumberSchema,
    activeUsers: optionalNumberSchema,
    ongoingReservations: optionalNumberSchema,
    timestamp: timeSchema,
  })
  .meta({ id: 'HealthFigures' });

const trendSchema = z
  .strictObject({
    current: optionalNumberSchema,
    previous: optionalNumberSchema,
    change: optionalNumberSchema,
  })
  .meta({ id: 'Trend', description: 'A metric and its previous value. `change` is in percent.' });

export const trendsSchema = z
  .strictObject({
    responseTime: trendSchema,
    p95ResponseTime: trendSchema,
    requestRate: trendSchema,
    errorRate: trendSchema,
    queryTime: trendSchema,
  })
  .meta({ id: 'Trends' });

export const NOTES_FIELD = {
  notes: z.array(z.string()).optional().meta({
    description: 'Differences from the request, such as a longer step, with the reasons.',
  }),
};

export const nextCursorSchema = z
  .string()
  .optional()
  .meta({ description: 'Cursor of the next page. Missing on the last page.' });

export function toTimeRangeFields({ fromMs, toMs }: TimeRange): { from: Date; to: Date } {
  return { from: new Date(fromMs), to: new Date(toMs) };
}

/** Parses the JSON text of a column. Other programs can write rows, so invalid JSON stays text. */
export function parseJsonColumn(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
