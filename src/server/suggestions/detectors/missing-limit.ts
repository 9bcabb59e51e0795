import { formatDuration, formatNumber } from '../../../core/format.ts';
import { RETURNED_ROWS_METRIC_NAME } from '../../../core/suggestion-metrics.ts';
import type { SeriesFact, SuggestionFacts } from '../facts/suggestion-facts.ts';
import { createSuggestion, type Suggestion } from '../suggestion.ts';
import {
  type Detector,
  getMean,
  getSeconds,
  indexStatements,
  parseFingerprint,
  selectSeries,
  sumDatabaseTime,
  toShare,
  toStatementKey,
} from './detector.ts';

const MIN_RESULTS = 10;
/** Agents record results with 100 rows or more. A page for people has fewer than 200 rows. */
const MIN_MEAN_ROWS = 200;
/** Rows that one page shows. */
const PAGE_ROWS = 100;

export const missingLimitDetector: Detector = {
  kind: 'missing-limit',
  title: 'A missing LIMIT',
  looksFor: 'SELECT statements without LIMIT that return hundreds of rows.',
  minimum:
    '10 results with at least 100 rows, and a mean of 200 rows. Statements that load a list of keys are excluded, because the list limits them.',
  nextStep: 'Return pages: add LIMIT, and continue after the last key of the page.',
  detect,
};

function detect(facts: SuggestionFacts): Suggestion[] {
  const statements = indexStatements(facts);
  const databaseTime = sumDatabaseTime(facts);
  const byStatement = Map.groupBy(selectSeries(facts, RETURNED_ROWS_METRIC_NAME), (fact) =>
    toStatementKey(fact.service, fact.endpoint),
  );
  return [...byStatement].flatMap(([key, series]) => {
    const [first] = series;
    const statement = first?.endpoint;
    if (first === undefined || statement === undefined) return [];
    const fact = {
      ...first,
      count: series.reduce((sum, each) => sum + each.count, 0),
      total: series.reduce((sum, each) => sum + each.total, 0),
      max: Math.max(...series.map(({ max }) => max)),
    };
    if (fact.count < MIN_RESULTS || getMean(fact) < MIN_MEAN_ROWS || !lacksLimit(statement)) {
      return [];
    }
    const executed = statements.get(key);
    const total = databaseTime.get(first.service) ?? 0;
    return [toSuggestion(facts, fact, statement, executed, total)];
  });
}

/** Returns whether a statement is a SELECT whose number of rows nothing limits. */
export function lacksLimit(statement: string): boolean {
  if (parseFingerprint(statement).operation !== 'SELECT') return false;
  return !/\b(?:LIMIT|FETCH|TOP|INTO)\b|\bIN \(…|\bANY ?\(|UNNEST ?\(/i.test(statement);
}

function toSuggestion(
  facts: SuggestionFacts,
  fact: SeriesFact,
  statement: string,
  executed: SeriesFact | undefined,
  databaseTime: number,
): Suggestion {
  const { service, count, max, firstMs, lastMs } = fact;
  const rows = getMean(fact);
  const { table } = parseFingerprint(statement);
  const mean = executed && getMean(executed);
  const ms = mean === undefined ? undefined : mean * (1 - PAGE_ROWS / rows);
  const executions = Math.max(count, executed?.count ?? 0);
  const hasOrder = /\bORDER BY\b/i.test(statement);
  return createSuggestion({
    ...{ kind: 'missing-limit', key: [service, statement], service, statement, table },
    ...{ range: facts.range, firstMs, lastMs },
    title: `A SELECT on ${table ?? 'a table'} returns ${formatNumber(rows)} rows without LIMIT`,
    evidence: [
      { label: 'Results with at least 100 rows', value: count, unit: '1' },
      { label: 'Mean rows of these results', value: rows, unit: '1' },
      { label: 'Maximum rows', value: max, unit: '1' },
      ...(mean === undefined
        ? []
        : [{ label: 'Mean duration of the statement', value: mean, unit: 'ms' as const }]),
    ],
    gain: {
      text:
        ms === undefined
          ? `${formatNumber(rows - PAGE_ROWS)} fewer rows per execution, with pages of ${PAGE_ROWS} rows.`
          : `About ${formatDuration(ms)} per execution, and ${formatNumber(rows - PAGE_ROWS)} fewer rows in memory.`,
      method: `Mean duration of the statement, reduced in proportion to a page of ${PAGE_ROWS} rows.`,
      ms,
      share: ms === undefined ? undefined : toShare(ms * executions, databaseTime),
    },
    nextStep: {
      text: 'Return pages. Sort by a unique key, and start each page after the last key of the previous page.',
      code: `${statement}${hasOrder ? '' : ' ORDER BY id'} LIMIT ${PAGE_ROWS}`,
    },
    confidence: count >= 100 ? 'high' : 'medium',
    savedMsPerSecond: ((ms ?? 0) * executions) / getSeconds(facts.range),
  });
}
