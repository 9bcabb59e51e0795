import { distance } from 'fastest-levenshtein';

/**
 * Returns the candidate with the smallest edit distance from `name`, or undefined if none is
 * similar.
 *
 * @param maxDistance maximum edit distance of a similar candidate. Default: a third of the length
 * of `name`, but at least 3.
 */
export function findClosestMatch(
  name: string,
  candidates: readonly string[],
  maxDistance: number = Math.max(3, Math.floor(name.length / 3)),
): string | undefined {
  let closest: string | undefined;
  let closestDistance = maxDistance + 1;
  for (const candidate of candidates) {
    const candidateDistance = distance(name, candidate);
    if (candidateDistance < closestDistance) {
      closestDistance = candidateDistance;
      closest = candidate;
    }
  }
  return closest;
}
