import { DETECTORS } from './detectors/detector-table.ts';
import type { SuggestionFacts } from './facts/suggestion-facts.ts';
import type { Suggestion } from './suggestion.ts';

/** Maximum number of suggestions of one kind, largest gain first. More would hide other kinds. */
const MAX_PER_KIND = 20;
const CONFIDENCE_ORDER = { high: 0, medium: 1, low: 2 } as const;

/**
 * Runs all detectors over the facts of one or several ranges, and returns each problem once. The evidence of an
 * earlier range wins. Sorts by the time that the next step could save.
 *
 * @param ranges facts of the requested range, then of its last minutes, so that new problems aren't averaged away
 */
export function findSuggestions(ranges: readonly SuggestionFacts[]): Suggestion[] {
  const found = new Map<string, Suggestion>();
  for (const facts of ranges) {
    for (const { detect } of DETECTORS) {
      for (const suggestion of detect(facts).sort(compareSuggestions).slice(0, MAX_PER_KIND)) {
        if (!found.has(suggestion.id)) found.set(suggestion.id, suggestion);
      }
    }
  }
  return [...found.values()].sort(compareSuggestions);
}

function compareSuggestions(a: Suggestion, b: Suggestion): number {
  return (
    b.savedMsPerSecond - a.savedMsPerSecond ||
    CONFIDENCE_ORDER[a.confidence] - CONFIDENCE_ORDER[b.confidence] ||
    (a.id < b.id ? -1 : 1)
  );
}
