import { distance } from 'fastest-levenshtein';

/** A name with an edit distance beyond this limit is a different name, however long it is. */
const MAX_DISTANCE = 4;
/** Minimum length of a name that can be the beginning of another name. */
const MIN_PREFIX_LENGTH = 3;
/** Characters between the words of a name. */
const SEPARATOR_PATTERN = /[-_./:\s]/;

/**
 * Returns the candidate that `name` is most likely a misspelling of, or undefined if no candidate is
 * similar enough to be useful.
 *
 * Case, brackets, and the difference between `-` and `_` don't matter. Exchanged neighbors are one
 * edit. The edit distance is limited to a quarter of the length without the words that both names
 * start with. A shortened name, such as `org` for `organization`, also matches. The parent of a path never does.
 *
 * @param maxDistance maximum edit distance, regardless of the length. Default: 4.
 */
export function findClosestMatch(
  name: string,
  candidates: readonly string[],
  maxDistance: number = MAX_DISTANCE,
): string | undefined {
  let closest: string | undefined;
  let closestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const candidateDistance = computeDistance(name, candidate, maxDistance);
    if (candidateDistance < closestDistance) {
      closestDistance = candidateDistance;
      closest = candidate;
    }
  }
  return closest;
}

/** Returns the edit distance of two similar names, or infinity if they are not similar. */
function computeDistance(name: string, candidate: string, maxDistance: number): number {
  const [shortName, shortCandidate] = removeCommonWords(normalize(name), normalize(candidate));
  if (isParentPath(shortName, shortCandidate)) return Number.POSITIVE_INFINITY;
  const length = Math.max(shortName.length, shortCandidate.length);
  const limit = Math.min(maxDistance, Math.floor((length + 1) / 4));
  const edits = countEdits(shortName, shortCandidate);
  if (edits <= limit) return edits;
  const isShortened =
    maxDistance >= MAX_DISTANCE &&
    shortName.length >= MIN_PREFIX_LENGTH &&
    shortCandidate.startsWith(shortName);
  // Misspelled names come before shortened names.
  return isShortened ? MAX_DISTANCE + edits : Number.POSITIVE_INFINITY;
}

/** Whether `path` consists of the first segments of a longer path, so that it is not misspelled. */
function isParentPath(path: string, longerPath: string): boolean {
  return (
    path !== '' &&
    path !== longerPath &&
    longerPath.startsWith(path.endsWith('/') ? path : `${path}/`)
  );
}

function normalize(name: string): string {
  return name
    .toLowerCase()
    .replaceAll('-', '_')
    .replaceAll(/[^\p{L}\p{N}_./:\s]/gu, '');
}

/** Removes the words that both names start with. The last word of each name stays. */
function removeCommonWords(a: string, b: string): [string, string] {
  let start = 0;
  for (let i = 0; i < Math.min(a.length, b.length) - 1 && a[i] === b[i]; i++) {
    if (SEPARATOR_PATTERN.test(a[i]!)) start = i + 1;
  }
  return [a.slice(start), b.slice(start)];
}

/** Returns the edit distance. Two exchanged neighbors are one edit, at one place in the name. */
function countEdits(name: string, candidate: string): number {
  const swaps = Array.from({ length: Math.max(0, name.length - 1) }, (_, i) => {
    const swapped = `${name.slice(0, i)}${name[i + 1]}${name[i]}${name.slice(i + 2)}`;
    return 1 + distance(swapped, candidate);
  });
  return Math.min(distance(name, candidate), ...swaps);
}
