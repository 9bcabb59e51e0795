import { z } from 'zod';
import type { Range } from '../windows/range.ts';
import { DIMENSION_NAMES } from './dimension-names.ts';

/** A figure that may be unknown: nothing was reported. */
export const figure = z.number().optional();
export const time = z.iso.datetime();
const name = z.string().optional();

/** Every answer about a time says which. */
export const OF_TIME = { from: time, to: time };

export const group = z
  .strictObject(
    Object.fromEntries(DIMENSION_NAMES.map((dimension) => [dimension, name])) as Record<
      (typeof DIMENSION_NAMES)[number],
      typeof name
    >,
  )
  .meta({
    id: 'Group',
    description: 'What the figures are of; without a name, of rows without one',
  });

const namedTime = z.strictObject({
  name: z.string(),
  operation: name,
  count: z.number(),
  average: z.number(),
});

/** Times in ms, rates per second, `errorRate` in percent. */
export const WORK = {
  count: z.number(),
  rate: z.number(),
  errorCount: figure,
  errorRate: figure,
  average: figure,
  min: figure,
  max: figure,
  p50: figure,
  p90: figure,
  p95: figure,
  p99: figure,
  p999: figure,
};

export const requestFigures = z
  .strictObject({ ...WORK, slowestEndpoints: z.array(namedTime) })
  .meta({ id: 'RequestFigures' });

export const databaseFigures = z
  .strictObject({
    count: z.number(),
    rate: z.number(),
    averageQueryTime: figure,
    p95QueryTime: figure,
    errorRate: figure,
    connections: figure,
    slowQueryShare: figure,
    slowestOperations: z.array(namedTime),
  })
  .meta({ id: 'DatabaseFigures' });

export const queueFigures = z
  .strictObject({
    queue: z.string(),
    completed: z.number(),
    failed: z.number(),
    stalled: z.number(),
    failureRate: figure,
    processingTime: figure,
    waitTime: figure,
    arrivalRate: z.number(),
    completionRate: z.number(),
    depth: figure,
    depthByState: z.record(z.string(), z.number()),
    oldestAge: figure,
    workers: figure,
    timeToDrain: figure,
  })
  .meta({ id: 'QueueFigures' });

export const healthFigures = z
  .strictObject({
    service: z.string(),
    instance: z.string(),
    status: name,
    cpuUsage: figure,
    memoryUsage: figure,
    diskUsage: figure,
    eventLoopDelayP99: figure,
    uptime: figure,
    dbConnections: figure,
    dbQueryTime: figure,
    activeUsers: figure,
    ongoingReservations: figure,
    timestamp: time,
  })
  .meta({ id: 'HealthFigures' });

const trend = z
  .strictObject({ current: figure, previous: figure, change: figure })
  .meta({ id: 'Trend', description: 'change in percent' });

export const trends = z
  .strictObject({
    responseTime: trend,
    p95ResponseTime: trend,
    requestRate: trend,
    errorRate: trend,
    queryTime: trend,
  })
  .meta({ id: 'Trends' });

export const NOTES = {
  notes: z
    .array(z.string())
    .optional()
    .meta({ description: 'Where the answer is another one than was asked for, and why' }),
};

export const nextCursor = z.string().optional().meta({ description: 'Missing on the last page' });

export function ofTime({ fromMs, toMs }: Range): { from: Date; to: Date } {
  return { from: new Date(fromMs), to: new Date(toMs) };
}
