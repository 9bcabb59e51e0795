import { createError } from '../../../core/perfscope-error.ts';
import { formatRolesWith, PERMISSION_LABELS } from '../../access/permissions.ts';
import type { Principal } from '../../access/principal.ts';

/** Parameters with which a request shows dimensions. */
const DIMENSION_PARAMETERS = ['groupBy', 'sort', 'dimension'] as const;
/** Dimensions that contain the name of a host or of a Redis server. */
const HOST_DIMENSIONS = ['instance', 'queueScope'] as const;

/**
 * Checks that a request doesn't filter, group, or sort by host, or list hosts, unless the caller has access to hosts.
 *
 * @param query the validated parameters of any endpoint
 * @throws PS_FORBIDDEN
 */
export function rejectHostParameters(
  query: Readonly<Record<string, unknown>>,
  { role, scope }: Pick<Principal, 'role' | 'scope'>,
): void {
  const usesHosts = HOST_DIMENSIONS.some(
    (dimension) =>
      query[dimension] !== undefined ||
      DIMENSION_PARAMETERS.some((name) => [query[name]].flat().includes(dimension)),
  );
  if (!usesHosts || scope.hosts) return;
  const allowedRoles = formatRolesWith('readHosts');
  throw createError('PS_FORBIDDEN', { role, action: PERMISSION_LABELS.readHosts, allowedRoles });
}
