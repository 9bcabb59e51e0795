import { z } from 'zod';
import { optionalNumberSchema } from './response-schemas.ts';

/** Durations in ms, `rate` per second, `errorRate` in percent. */
const PREVIOUS_STATS_FIELDS = {
  count: z.number(),
  rate: z.number(),
  errorRate: optionalNumberSchema,
  average: optionalNumberSchema,
  p50: optionalNumberSchema,
  p95: optionalNumberSchema,
  p99: optionalNumberSchema,
};

/** Where the time of requests went. Times in ms and calls are means per request. */
const PREVIOUS_PARTS_FIELDS = {
  databaseTime: optionalNumberSchema,
  databaseCalls: optionalNumberSchema,
  outgoingTime: optionalNumberSchema,
  outgoingCalls: optionalNumberSchema,
  queueTime: optionalNumberSchema,
  queueCalls: optionalNumberSchema,
  connectionWaitTime: optionalNumberSchema,
  eventLoopWaitTime: optionalNumberSchema,
  ownTime: optionalNumberSchema,
};

export const previousStatsSchema = z.strictObject(PREVIOUS_STATS_FIELDS).meta({
  id: 'PreviousWork',
  description:
    'Metrics of the group in the earlier time range. Missing without `compare`, and if the group had no data.',
});
export const previousRequestsSchema = z
  .strictObject({ ...PREVIOUS_STATS_FIELDS, ...PREVIOUS_PARTS_FIELDS })
  .meta({
    id: 'PreviousRequests',
    description:
      'Metrics of the requests in the earlier time range. Missing without `compare`, and if the group had no requests.',
  });
type PreviousStats = z.output<typeof previousStatsSchema>;
type PreviousRequests = z.output<typeof previousRequestsSchema>;

/** Returns the fields of a group's earlier metrics. */
export function toPreviousStats(totals: PreviousStats): PreviousStats {
  const { count, rate, errorRate, average, p50, p95, p99 } = totals;
  return { count, rate, errorRate, average, p50, p95, p99 };
}

/** Returns the fields of a group's earlier requests. */
export function toPreviousRequests(totals: PreviousRequests): PreviousRequests {
  const { databaseTime, databaseCalls, outgoingTime, outgoingCalls, queueTime } = totals;
  const { queueCalls, connectionWaitTime, eventLoopWaitTime, ownTime } = totals;
  return {
    ...toPreviousStats(totals),
    ...{ databaseTime, databaseCalls, outgoingTime, outgoingCalls, queueTime },
    ...{ queueCalls, connectionWaitTime, eventLoopWaitTime, ownTime },
  };
}

/** Returns the columns of a table with earlier metrics. */
export function toPreviousColumns(schema: z.ZodObject): string[] {
  return Object.keys(schema.shape).map((name) => `previous.${name}`);
}
