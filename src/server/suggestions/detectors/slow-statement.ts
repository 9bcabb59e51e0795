import { formatDuration, formatPercent } from '../../../core/format.ts';
import type { SeriesFact, SuggestionFacts } from '../facts/suggestion-facts.ts';
import { computeSuggestionId, createSuggestion, type Suggestion } from '../suggestion.ts';
import {
  type Detector,
  getMean,
  getSeconds,
  indexStatements,
  parseFingerprint,
  sumDatabaseTime,
  toShare,
} from './detector.ts';

/** The mean of fewer executions depends on single slow ones. */
const MIN_EXECUTIONS = 20;
/** A lookup with an index usually takes less than 5 ms, also over a network. */
const MIN_MEAN_MS = 50;
/** A smaller share of the database time can't speed up the service. */
const MIN_SHARE = 5;

export const slowStatementDetector: Detector = {
  kind: 'slow-statement',
  title: 'Statements that need an index',
  looksFor: 'Slow statements with a condition or a sort order, which an index could support.',
  minimum:
    '20 executions with a mean of 50 ms, and 5 % of the database time of the service. A lookup with an index takes less than 5 ms.',
  nextStep: 'Run EXPLAIN, and create the index that it shows.',
  detect,
};

function detect(facts: SuggestionFacts): Suggestion[] {
  const databaseTime = sumDatabaseTime(facts);
  return [...indexStatements(facts).values()].flatMap((fact) => {
    const { service, endpoint: statement, count, total } = fact;
    if (statement === undefined || count < MIN_EXECUTIONS) return [];
    const mean = getMean(fact);
    const share = toShare(total, databaseTime.get(service) ?? 0) ?? 0;
    if (mean < MIN_MEAN_MS || share < MIN_SHARE || !mayUseIndex(statement)) return [];
    return [toSuggestion(facts, fact, statement, share)];
  });
}

/** Returns whether an index can make a statement faster. */
export function mayUseIndex(statement: string): boolean {
  const { operation, table } = parseFingerprint(statement);
  if (table === undefined) return false;
  if (operation === 'SELECT') return /\b(?:WHERE|JOIN|ORDER BY)\b/i.test(statement);
  return (operation === 'UPDATE' || operation === 'DELETE') && /\bWHERE\b/i.test(statement);
}

function toSuggestion(
  facts: SuggestionFacts,
  fact: SeriesFact,
  statement: string,
  share: number,
): Suggestion {
  const { service, count, total, max, firstMs, lastMs } = fact;
  const mean = getMean(fact);
  const { operation, table } = parseFingerprint(statement);
  const isExplainable = operation === 'SELECT';
  const key = [service, statement];
  const id = computeSuggestionId('slow-statement', key);
  return createSuggestion({
    ...{ kind: 'slow-statement', key, service, statement, table, isExplainable, firstMs, lastMs },
    title: `A ${operation} on ${table} takes ${formatDuration(mean)}: check for a missing index`,
    range: facts.range,
    evidence: [
      { label: 'Executions', value: count, unit: '1' },
      { label: 'Mean duration', value: mean, unit: 'ms' },
      { label: 'Maximum duration', value: max, unit: 'ms' },
      { label: 'Share of the database time of the service', value: share, unit: '%' },
    ],
    gain: {
      text: `At most ${formatDuration(mean)} per execution, ${formatPercent(share)} of the database time of the service. EXPLAIN shows whether an index is missing.`,
      method: 'Mean duration of the statement. The gain of an index is unknown before EXPLAIN.',
      ms: mean,
      share,
    },
    nextStep: isExplainable
      ? {
          text: 'Check the plan. An administrator can run EXPLAIN with this command, which never executes the statement.',
          code: `perfscope suggestions explain ${id}`,
        }
      : {
          text: 'Check the plan of a SELECT with the same condition, and create an index on its columns.',
          code: `EXPLAIN SELECT * FROM ${table} ${/\bWHERE\b.*$/is.exec(statement)?.[0] ?? ''}`.trim(),
        },
    confidence: 'medium',
    savedMsPerSecond: total / getSeconds(facts.range) / 2,
  });
}
