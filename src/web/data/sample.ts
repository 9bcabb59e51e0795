import type { ApiResponse } from '../../client/api-types.ts';
import { formatEndpoint } from './names.ts';

type Metric = ApiResponse<'metrics'>['metrics'][number];

/** An operation of a sampled request, or a function that the application traces. Times are in ms. */
export interface SamplePart {
  readonly kind: 'database' | 'outgoing' | 'queue' | 'connection' | 'function';
  readonly name: string;
  /** From the start of the request. */
  readonly start: number;
  readonly duration: number;
  readonly failed: boolean;
}

/** A slow or failed request. */
export interface Sample {
  readonly id: string;
  /** End of the request, in ms since the epoch. */
  readonly atMs: number;
  readonly name: string;
  readonly durationMs: number;
  readonly status: number | undefined;
  readonly errorType: string | undefined;
  readonly isFailed: boolean;
  readonly isAborted: boolean;
  readonly traceId: string | undefined;
  readonly parts: readonly SamplePart[];
  readonly omittedParts: number;
  readonly service: string | undefined;
  readonly version: string | undefined;
  readonly instance: string | undefined;
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
  readonly userId: string | undefined;
}

/** Reads a sampled request from its row. Its tags come from applications, so they can have any type. */
export function readSample(row: Metric): Sample {
  const tags = (row.tags ?? {}) as Record<string, unknown>;
  const status = toNumber(tags['http.response.status_code']);
  const errorType = toText(tags['error.type']);
  return {
    id: row.id,
    atMs: Date.parse(row.at),
    name: formatEndpoint(row),
    durationMs: row.duration ?? row.value ?? 0,
    status,
    errorType,
    isFailed: errorType !== undefined || (status !== undefined && status >= 500),
    isAborted: tags['perfscope.request.aborted'] === true,
    traceId: toText(tags.trace_id),
    parts: Array.isArray(tags.parts) ? tags.parts.filter(isPart) : [],
    omittedParts: toNumber(tags.parts_omitted) ?? 0,
    service: row.service,
    version: row.version,
    instance: row.instance,
    organizationId: row.organizationId,
    propertyId: row.propertyId,
    userId: row.userId,
  };
}

/** A part, and the number of functions that contain it. */
export interface NestedPart {
  readonly part: SamplePart;
  readonly depth: number;
}

/** Timestamps are rounded to µs. */
const TOLERANCE_MS = 0.002;

/** Finds the functions that contain each part, by their times. Concurrent functions don't contain each other. */
export function nestParts(parts: readonly SamplePart[]): NestedPart[] {
  const open: SamplePart[] = [];
  return parts.map((part) => {
    const isInside = ({ start, duration }: SamplePart) =>
      part.start + part.duration <= start + duration + TOLERANCE_MS;
    while (open.length > 0 && !isInside(open.at(-1)!)) open.pop();
    const depth = open.length;
    if (part.kind === 'function') open.push(part);
    return { part, depth };
  });
}

function toText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function toNumber(value: unknown): number | undefined {
  const number = typeof value === 'number' ? value : Number.parseFloat(toText(value) ?? '');
  return Number.isFinite(number) ? number : undefined;
}

function isPart(value: unknown): value is SamplePart {
  if (value === null || typeof value !== 'object') return false;
  const { start, duration } = value as Partial<SamplePart>;
  return typeof start === 'number' && typeof duration === 'number';
}
