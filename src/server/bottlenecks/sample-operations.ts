import type { RequestPart } from '../../core/request-breakdown.ts';
import { REQUEST_PARTS_TAG } from '../../core/request-breakdown.ts';
import { REQUEST_SAMPLE_METRIC_NAME } from '../../core/request-sample-row.ts';
import { type MetricRow, queryMetricRows } from '../../storage/queries/metric-rows.ts';
import type { Dimension, Group, Query } from '../../storage/queries/query-definition.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
import type { LimitingOperation } from './bottleneck.ts';

/** Maximum number of kept requests to read, newest first. */
const MAX_SAMPLES = 2000;

/** A kept request: its dimensions, and its operations. */
export interface SampledRequest {
  readonly group: Group;
  readonly parts: readonly RequestPart[];
}

/** Reads the newest kept requests of a range, which are slow or failed requests. @throws PS_UNAVAILABLE */
export async function readSampledRequests(
  queryClient: QueryClient,
  { scope, range, filter }: Pick<Query, 'scope' | 'range' | 'filter'>,
): Promise<SampledRequest[]> {
  const rows = await queryMetricRows(
    queryClient,
    { scope, range, filter },
    { metricTypes: ['CUSTOM'], names: [REQUEST_SAMPLE_METRIC_NAME], limit: MAX_SAMPLES },
  );
  return rows.map(toSampledRequest);
}

function toSampledRequest(row: MetricRow): SampledRequest {
  const { service, version, environment, instance, endpoint, operation } = row;
  return {
    group: {
      ...{ service, version, environment, instance, endpoint, operation },
      organization: row.organizationId,
      property: row.propertyId,
    },
    parts: parseParts(row.tags),
  };
}

/** Returns the operations of a kept request. Tags come from applications, so they can have any form. */
export function parseParts(tags: string | undefined): RequestPart[] {
  try {
    const parsed: unknown = tags === undefined ? undefined : JSON.parse(tags);
    const parts = (parsed as Record<string, unknown> | null | undefined)?.[REQUEST_PARTS_TAG];
    return Array.isArray(parts) ? parts.filter(isPart) : [];
  } catch {
    return [];
  }
}

function isPart(value: unknown): value is RequestPart {
  if (value === null || typeof value !== 'object') return false;
  const { kind, name, duration } = value as Partial<Record<keyof RequestPart, unknown>>;
  return typeof kind === 'string' && typeof name === 'string' && Number.isFinite(duration);
}

/**
 * Returns the operation with most of the time of a part, in the kept requests of a group.
 *
 * @param dimensions dimensions that the requests of the group share
 */
export function findLimitingOperation(
  samples: readonly SampledRequest[],
  kind: RequestPart['kind'],
  group: Group,
  dimensions: readonly Dimension[],
): LimitingOperation | undefined {
  const times = new Map<string, number>();
  let requests = 0;
  for (const sample of samples) {
    if (!dimensions.every((name) => sample.group[name] === group[name])) continue;
    const parts = sample.parts.filter((part) => part.kind === kind && part.name !== '');
    if (parts.length > 0) requests += 1;
    for (const { name, duration } of parts) {
      times.set(name, (times.get(name) ?? 0) + Math.max(0, duration));
    }
  }
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  const [first] = [...times].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  if (first === undefined || total <= 0) return undefined;
  return { name: first[0], share: (100 * first[1]) / total, samples: requests };
}
