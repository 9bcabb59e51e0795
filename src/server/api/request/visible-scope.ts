import { getScopePrefix } from '../../../core/queue-scope.ts';

/**
 * Returns a queue's scope for a response. Callers without access to hosts get only the prefix.
 *
 * @param hosts whether the caller has access to hosts
 */
export function toVisibleScope(queueScope: string | undefined, hosts: boolean): string | undefined {
  return hosts || queueScope === undefined ? queueScope : getScopePrefix(queueScope);
}
