import type { Attributes } from '@opentelemetry/api';
import { ATTR_ORGANIZATION_ID, ATTR_PROPERTY_ID } from '../../attribute-keys.ts';

/** Organization, property, and user that the current operation belongs to. */
export interface Tenant {
  /** Organization, up to 128 characters. Default: none. */
  organizationId?: string | undefined;
  /** Property of the organization, up to 128 characters. Default: none. */
  propertyId?: string | undefined;
  /** User, up to 128 characters. Default: none. */
  userId?: string | undefined;
}

/** Records evidence of a caller, whose route is then known. */
type RecordEvidence = (caller: Caller) => void;

/** A request or job whose code runs. It is the subject of evidence for suggestions. */
export interface Caller {
  /** Method of a request, or an empty text for a job. */
  readonly method: string;
  /** Route template of a request, or the queue and the name of a job. A route can be unknown until the request ends. */
  route: string | undefined;
  tenant: Tenant | undefined;
  /** Whether the request or job is complete. */
  ended: boolean;
  /** Evidence that is recorded when the request ends, because its route is known then. */
  evidence: RecordEvidence[] | undefined;
}

/** A job in progress. */
export interface JobRun extends Caller {
  /** Number of operations in progress. */
  openOperations: number;
}

/** Limits the memory of a request. Further evidence is dropped. */
const MAX_EVIDENCE = 100;

/** Creates the state of a job. The queue library rejects queues whose name contains a colon. */
export function createJobRun(queue: string, name: string, tenant: Tenant | undefined): JobRun {
  return {
    method: '',
    route: `${queue}:${name}`,
    tenant,
    ended: false,
    evidence: undefined,
    openOperations: 0,
  };
}

/** Calls `record` when the route of the caller is known: now for jobs, and at the end for requests. */
export function recordWithRoute(caller: Caller, record: RecordEvidence): void {
  if (caller.ended || isJobRun(caller)) record(caller);
  else if (caller.evidence === undefined) caller.evidence = [record];
  else if (caller.evidence.length < MAX_EVIDENCE) caller.evidence.push(record);
}

/** Records the evidence of a request that has ended. */
export function recordEvidence(caller: Caller): void {
  const { evidence } = caller;
  caller.evidence = undefined;
  for (const record of evidence ?? []) record(caller);
}

/** Whether a caller is a job. */
export function isJobRun(caller: Caller): caller is JobRun {
  return 'openOperations' in caller;
}

/** Returns the attributes of a tenant. */
export function toTenantAttributes(tenant: Tenant | undefined): Attributes {
  return {
    ...(tenant?.organizationId && { [ATTR_ORGANIZATION_ID]: tenant.organizationId }),
    ...(tenant?.propertyId && { [ATTR_PROPERTY_ID]: tenant.propertyId }),
  };
}
