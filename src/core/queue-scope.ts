/** Returns the prefix of a queue scope, without the address of the Redis server. */
export function getScopePrefix(queueScope: string): string {
  const end = queueScope.lastIndexOf('@');
  return end < 0 ? queueScope : queueScope.slice(0, end);
}

/**
 * Returns whether a queue is in one of the selected scopes. A scope can be selected by its prefix.
 *
 * @param selected undefined for all scopes
 */
export function isInQueueScope(
  queueScope: string | undefined,
  selected: readonly string[] | undefined,
): boolean {
  if (selected === undefined) return true;
  if (queueScope === undefined) return false;
  return selected.includes(queueScope) || selected.includes(getScopePrefix(queueScope));
}
