import type { ApiResponse } from '../../client/api-types.ts';

type Group = ApiResponse<'endpoints'>['endpoints'][number]['group'];

/** For example `POST /api/bookings`. */
export function formatEndpoint({
  operation,
  endpoint,
}: Pick<Group, 'operation' | 'endpoint'>): string {
  return [operation, endpoint ?? '(no route)'].filter(Boolean).join(' ');
}

/** Names of the dimensions of a group. */
export const DIMENSION_LABELS: Readonly<Record<string, string>> = {
  service: 'Service',
  version: 'Version',
  environment: 'Environment',
  instance: 'Instance',
  endpoint: 'Endpoint',
  operation: 'Operation',
  queue: 'Queue',
  queueScope: 'Queue scope',
  organizationId: 'Organization',
  propertyId: 'Property',
  name: 'Name',
};

/** Joins the values of a group, for example `booking, GET`. Values that are missing are `(none)`. */
export function formatGroup(group: Group, dimensions: readonly string[]): string {
  if (dimensions.length === 0) return 'all';
  const values = group as Readonly<Record<string, string | undefined>>;
  return dimensions.map((dimension) => values[dimension] ?? '(none)').join(', ');
}
