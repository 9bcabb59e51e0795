import { findClosestMatch } from '../did-you-mean.ts';
import { parseDuration } from '../duration.ts';
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

const UNIT_PATTERN = /^(\d+)\s*(ms|milli|s|m|h|d|w)[a-z]*$/;

/**
 * Returns advice for a text that isn't a duration, such as `; did you mean \`5m\`?` for `5 minutes`, or an
 * empty text. Months and years have no advice, because durations have no such units.
 */
export function suggestDuration(text: string): string {
  const lower = text.trim().toLowerCase();
  const [, count, unit = ''] = /^\d+\s*mo/.test(lower) ? [] : (UNIT_PATTERN.exec(lower) ?? []);
  if (count === undefined) return '';
  const suggestion = `${count}${unit === 'milli' ? 'ms' : unit}`;
  return parseDuration(suggestion) === undefined ? '' : `; did you mean \`${suggestion}\`?`;
}
