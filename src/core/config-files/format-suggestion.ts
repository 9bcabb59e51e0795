import { findClosestMatch } from '../did-you-mean.ts';
import { toPreferredName } from '../vocabulary.ts';

/**
 * Returns "did you mean …?" if a candidate is similar to `name`, otherwise the list of candidates.
 */
export function formatSuggestion(name: string, candidates: readonly string[]): string {
  const closest =
    findClosestMatch(name, candidates) ?? findClosestMatch(name, candidates.map(toPreferredName));
  if (closest !== undefined) return `did you mean \`${closest}\`?`;
  return `allowed: ${candidates.map((candidate) => `\`${candidate}\``).join(', ')}`;
}
