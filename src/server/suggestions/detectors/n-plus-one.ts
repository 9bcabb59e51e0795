import { formatDuration, formatNumber, formatPercent } from '../../../core/format.ts';
import { REPEATED_STATEMENTS_METRIC_NAME } from '../../../core/request-breakdown.ts';
import type { SeriesFact, SuggestionFacts } from '../facts/suggestion-facts.ts';
import { createSuggestion, type Suggestion } from '../suggestion.ts';
import {
  type Detector,
  getMean,
  getSeconds,
  indexStatements,
  selectSeries,
  sumRoute,
  toShare,
  toStatementKey,
} from './detector.ts';

/** Fewer requests can be one user who opens an unusually long list. */
const MIN_REQUESTS = 20;
/** A smaller gain isn't worth a change of the code: both limits must be missed to hide a suggestion. */
const MIN_SHARE = 10;
const MIN_MS = 5;
const HIGH_CONFIDENCE_REQUESTS = 100;

export const nPlusOneDetector: Detector = {
  kind: 'n-plus-one',
  title: 'N+1 statements',
  looksFor: 'Requests that run the same statement at least 5 times, once for each row of a list.',
  minimum:
    '20 requests that repeat the statement, and an expected gain of 10 % of the route or 5 ms per request. Fewer requests can come from one user.',
  nextStep: 'Load all rows with one statement: a join, or one condition for all keys.',
  detect,
};

function detect(facts: SuggestionFacts): Suggestion[] {
  const statements = indexStatements(facts);
  return selectSeries(facts, REPEATED_STATEMENTS_METRIC_NAME).flatMap((fact) => {
    const statement = fact.operation;
    if (statement === undefined || fact.count < MIN_REQUESTS) return [];
    const executed = statements.get(toStatementKey(fact.service, statement));
    return toSuggestion(facts, fact, statement, executed && getMean(executed)) ?? [];
  });
}

function toSuggestion(
  facts: SuggestionFacts,
  fact: SeriesFact,
  statement: string,
  statementMs: number | undefined,
): Suggestion | undefined {
  const { service, endpoint, count, total, max } = fact;
  const route = sumRoute(facts, service, endpoint);
  const repetitions = getMean(fact);
  const requests = Math.max(count, route?.count ?? 0);
  const removable = (statementMs ?? 0) * Math.max(0, total - count);
  const ms = Math.min(removable / requests, route?.databaseTime ?? Number.POSITIVE_INFINITY);
  const share = route && toShare(ms, route.average);
  if (statementMs !== undefined && ms < MIN_MS && (share ?? 0) < MIN_SHARE) return undefined;
  const savedMs = statementMs === undefined ? undefined : ms;
  const ofRoute = share === undefined ? '' : `, ${formatPercent(share)} of the time of the route`;
  return createSuggestion({
    kind: 'n-plus-one',
    key: [service, endpoint, statement],
    title: `${endpoint ?? 'A route'} runs the same statement ${formatNumber(repetitions)} times per request`,
    ...{ service, endpoint, statement, range: facts.range },
    firstMs: fact.firstMs,
    lastMs: fact.lastMs,
    evidence: [
      { label: 'Requests that repeat the statement', value: count, unit: '1' },
      { label: 'Executions per request', value: repetitions, unit: '1' },
      { label: 'Maximum executions in one request', value: max, unit: '1' },
      ...(statementMs === undefined
        ? []
        : [{ label: 'Mean duration of the statement', value: statementMs, unit: 'ms' as const }]),
      ...(route
        ? [{ label: 'Mean duration of the route', value: route.average, unit: 'ms' as const }]
        : []),
    ],
    gain: {
      text:
        savedMs === undefined
          ? `${formatNumber(repetitions - 1)} round trips per request.`
          : `Up to ${formatDuration(savedMs)} per request${ofRoute}.`,
      method:
        'Executions after the first one, times the mean duration of the statement, at most the database time of the route.',
      ms: savedMs,
      share: savedMs === undefined ? undefined : share,
    },
    nextStep: {
      text: 'Load the rows of all keys with one statement before the loop, or join the table in the first statement.',
      code: toBatchStatement(statement),
    },
    confidence: statementMs !== undefined && count >= HIGH_CONFIDENCE_REQUESTS ? 'high' : 'medium',
    savedMsPerSecond: (ms * requests) / getSeconds(facts.range),
  });
}

const FIRST_KEY = '= ?';

/** Returns the statement with one condition for all keys. */
export function toBatchStatement(statement: string): string {
  const where = /\bWHERE\b/i.exec(statement)?.index ?? statement.length;
  const key = statement.indexOf(FIRST_KEY, where);
  if (key < 0) return `${statement} -- run once, with all keys`;
  const all = statement.includes('`') ? 'IN (?)' : '= ANY($1)';
  return `${statement.slice(0, key)}${all}${statement.slice(key + FIRST_KEY.length)}`;
}
