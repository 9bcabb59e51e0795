import type { MetricSelector } from '../../storage/queries/operation-totals.ts';
import type { BreakdownStats } from '../../storage/queries/request-breakdowns.ts';

export const REQUEST_PART_NAMES = [
  'database',
  'outgoing',
  'queue',
  'connectionWait',
  'eventLoopWait',
  'own',
] as const;
export type RequestPartName = (typeof REQUEST_PART_NAMES)[number];

/** A part of the time of requests. */
export interface RequestPartDefinition {
  readonly id: RequestPartName;
  /** Display name: `wait for connections`. */
  readonly name: string;
  /** Completes the sentence "Limited by …". */
  readonly limit: string;
  /** Mean time of the part in ms. */
  readonly field: keyof BreakdownStats;
  /** Share of the part in percent. */
  readonly share: keyof BreakdownStats;
  /** Kind of the part's operations in samples of requests. */
  readonly kind?: 'database' | 'outgoing' | 'queue' | 'connection';
  /** Metric with the operations of the part, by endpoint. */
  readonly operations?: MetricSelector;
}

/** The parts of a request's time. Together, they add up to the duration of the request. */
export const REQUEST_PARTS: readonly RequestPartDefinition[] = [
  {
    id: 'database',
    name: 'database',
    limit: 'the database',
    field: 'databaseTime',
    share: 'databaseShare',
    kind: 'database',
    operations: { metricType: 'DATABASE_QUERY_TIME' },
  },
  {
    id: 'outgoing',
    name: 'outgoing calls',
    limit: 'outgoing calls',
    field: 'outgoingTime',
    share: 'outgoingShare',
    kind: 'outgoing',
    operations: { metricType: 'OUTGOING_REQUEST_TIME' },
  },
  {
    id: 'queue',
    name: 'queue calls',
    limit: 'calls that add jobs to queues',
    field: 'queueTime',
    share: 'queueShare',
    kind: 'queue',
  },
  {
    id: 'connectionWait',
    name: 'wait for connections',
    limit: 'waits for database connections',
    field: 'connectionWaitTime',
    share: 'connectionWaitShare',
    kind: 'connection',
    operations: { metricType: 'CUSTOM', names: ['db.client.connection.wait_time'] },
  },
  {
    id: 'eventLoopWait',
    name: 'event loop wait',
    limit: 'other code that blocks the event loop',
    field: 'eventLoopWaitTime',
    share: 'eventLoopWaitShare',
  },
  { id: 'own', name: 'own time', limit: 'its own code', field: 'ownTime', share: 'ownShare' },
];
