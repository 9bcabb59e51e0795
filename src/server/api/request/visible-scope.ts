import { getScopePrefix, isInQueueScope } from '../../../core/queue-scope.ts';

/**
 * Returns a queue's scope for a response. Callers without access to hosts get only the prefix.
 *
 * @param hosts whether the caller has access to hosts
 */
export function toVisibleScope(queueScope: string | undefined, hosts: boolean): string | undefined {
  return hosts || queueScope === undefined ? queueScope : getScopePrefix(queueScope);
}

/**
 * Returns the queues in the selected scopes, with their visible scopes. Callers without access to hosts select
 * only by prefix. Otherwise, they could find the address of a server by trying.
 *
 * @param selected undefined for all scopes
 */
export function selectVisibleScopes<T extends { scope: string | undefined }>(
  queues: readonly T[],
  selected: readonly string[] | undefined,
  hosts: boolean,
): T[] {
  return queues
    .map((queue) => ({ ...queue, scope: toVisibleScope(queue.scope, hosts) }))
    .filter(({ scope }) => isInQueueScope(scope, selected));
}
