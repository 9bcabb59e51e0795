import type { Tenant } from '../../context/tenant-context.ts';
import type { QueueJob } from '../job-attempts.ts';
import { readStoredTenant, TENANT_PROPERTY } from '../stored-tenant.ts';

/** Property that contains the tenant of a job that the backend has read. The application can't list it. */
export const TENANT_SYMBOL = Symbol('perfscope');

/** Attributes of a job of Agenda. */
export interface AgendaAttributes {
  _id?: unknown;
  name?: unknown;
  data?: unknown;
  nextRunAt?: Date | string | null;
  repeatInterval?: unknown;
  repeatAt?: unknown;
  priority?: unknown;
  failCount?: number | null;
  unique?: unknown;
  disabled?: unknown;
  type?: unknown;
  [TENANT_PROPERTY]?: unknown;
  [TENANT_SYMBOL]?: unknown;
}

/** The parts of a job of Agenda 5 and 6 that are used. */
export interface AgendaJob {
  readonly attrs: AgendaAttributes;
  readonly agenda?: {
    /** Agenda 5. */
    readonly _collection?: AgendaCollection;
    /** Agenda 6: the repository of the backend. */
    readonly db?: { readonly collection?: AgendaCollection };
  };
}

/** The parts of a collection of the MongoDB driver that are used. */
export interface AgendaCollection {
  readonly collectionName: string;
  readonly dbName: string;
  aggregate(pipeline: readonly object[], options?: object): { toArray(): Promise<unknown[]> };
  findOne(filter: object, options?: object): Promise<AgendaAttributes | null>;
}

/** Returns the collection of a job. Undefined if the backend is not MongoDB. */
export function getCollection({ agenda }: AgendaJob): AgendaCollection | undefined {
  return agenda?._collection ?? agenda?.db?.collection;
}

/** Returns when the next run is due, in ms since the epoch. Undefined if there is none. */
export function getDueMs({ nextRunAt }: AgendaAttributes): number | undefined {
  if (nextRunAt === null || nextRunAt === undefined) return undefined;
  const ms = new Date(nextRunAt).getTime();
  return Number.isNaN(ms) ? undefined : ms;
}

/** Whether a job runs again after it succeeds. */
export function isRecurring({ repeatInterval, repeatAt }: AgendaAttributes): boolean {
  return isSet(repeatInterval) || isSet(repeatAt);
}

/** Whether saving a job can only create it. A unique job can already exist, and `every` replaces the last one. */
export function isNewJob(attrs: AgendaAttributes): boolean {
  return !isSet(attrs._id) && !isSet(attrs.unique) && attrs.type !== 'single';
}

/** Returns the tenant that a job stores, and removes it from the attributes that the application can see. */
export function takeAgendaTenant(attrs: AgendaAttributes): Tenant | undefined {
  const tenant = readStoredTenant(attrs[TENANT_SYMBOL] ?? attrs[TENANT_PROPERTY]);
  if (!tenant) return undefined;
  delete attrs[TENANT_SYMBOL];
  delete attrs[TENANT_PROPERTY];
  return tenant;
}

/**
 * Describes the next run of a job. A job's document has no creation time, so a run arrives when it is due. Recurring
 * jobs have the same ID in each run.
 *
 * @param dueMs when the run is due, in ms since the epoch
 */
export function toAgendaQueueJob(
  attrs: AgendaAttributes,
  queueScope: string,
  dueMs: number | undefined,
  tenant: Tenant | undefined,
): QueueJob {
  const { priority, failCount, data } = attrs;
  return {
    queueName: String(attrs.name),
    queueScope,
    jobId: String(attrs._id),
    createdMs: dueMs,
    attempts: (failCount ?? 0) + 1,
    priority: typeof priority === 'number' ? priority : undefined,
    tenant,
    data,
  };
}

function isSet(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '';
}
