import { formatDuration, formatNumber } from '../../../core/format.ts';
import { TRANSACTION_STATEMENTS_METRIC_NAME } from '../../../core/suggestion-metrics.ts';
import type { SeriesFact, SuggestionFacts } from '../facts/suggestion-facts.ts';
import { createSuggestion, type Suggestion } from '../suggestion.ts';
import {
  type Detector,
  getMean,
  getSeconds,
  indexStatements,
  parseFingerprint,
  selectSeries,
  sumRoute,
  toShare,
  toStatementKey,
} from './detector.ts';

const MIN_TRANSACTIONS = 10;
/** A unit of work, such as an order with its lines, often has about ten statements. */
const MIN_MEAN_STATEMENTS = 15;

export const chattyTransactionDetector: Detector = {
  kind: 'chatty-transaction',
  title: 'Chatty transactions',
  looksFor: 'Transactions with many statements, which hold their locks during all round trips.',
  minimum:
    '10 transactions, and a mean of 15 statements. An order with its lines often needs about ten statements.',
  nextStep: 'Write or read all rows with one statement.',
  detect,
};

function detect(facts: SuggestionFacts): Suggestion[] {
  const statements = indexStatements(facts);
  return selectSeries(facts, TRANSACTION_STATEMENTS_METRIC_NAME).flatMap((fact) => {
    if (fact.count < MIN_TRANSACTIONS || getMean(fact) < MIN_MEAN_STATEMENTS) return [];
    const executed = statements.get(toStatementKey(fact.service, fact.operation));
    return [toSuggestion(facts, fact, executed && getMean(executed))];
  });
}

function toSuggestion(
  facts: SuggestionFacts,
  fact: SeriesFact,
  statementMs: number | undefined,
): Suggestion {
  const { service, endpoint, operation: statement, count, max, firstMs, lastMs } = fact;
  const mean = getMean(fact);
  const route = sumRoute(facts, service, endpoint);
  const limit = route?.databaseTime ?? Number.POSITIVE_INFINITY;
  const perTransaction = statementMs === undefined ? undefined : statementMs * (mean - 1);
  const ms = perTransaction === undefined ? undefined : Math.min(perTransaction, limit);
  return createSuggestion({
    ...{ kind: 'chatty-transaction', key: [service, endpoint, statement], service, endpoint },
    ...{ statement, range: facts.range, firstMs, lastMs },
    title: `${endpoint ?? 'A job'} runs ${formatNumber(mean)} statements in one transaction`,
    evidence: [
      { label: 'Transactions with at least 10 statements', value: count, unit: '1' },
      { label: 'Mean statements of these transactions', value: mean, unit: '1' },
      { label: 'Maximum statements', value: max, unit: '1' },
      ...(statementMs === undefined
        ? []
        : [
            {
              label: 'Mean duration of the most frequent statement',
              value: statementMs,
              unit: 'ms' as const,
            },
          ]),
    ],
    gain: {
      text:
        ms === undefined
          ? `${formatNumber(mean - 1)} round trips per transaction.`
          : `Up to ${formatDuration(ms)} per transaction, and shorter locks.`,
      method:
        'Statements after the first one, times the mean duration of the most frequent statement, at most the database time of the route.',
      ms,
      share: ms === undefined || route === undefined ? undefined : toShare(ms, route.average),
    },
    nextStep: toNextStep(statement),
    confidence: count >= 100 ? 'high' : 'medium',
    savedMsPerSecond: ((ms ?? 0) * count) / getSeconds(facts.range),
  });
}

function toNextStep(statement: string | undefined) {
  const { operation, table } = parseFingerprint(statement ?? '');
  const name = table ?? 'items';
  if (operation === 'INSERT') {
    return {
      text: 'Insert all rows with one statement.',
      code: `INSERT INTO ${name} (a, b) SELECT * FROM unnest($1::int[], $2::text[])\n-- MySQL: INSERT INTO ${name} (a, b) VALUES ?`,
    };
  }
  if (operation === 'UPDATE') {
    return {
      text: 'Change all rows with one statement.',
      code: `UPDATE ${name} SET a = v.a FROM unnest($1::int[], $2::int[]) AS v(id, a) WHERE ${name}.id = v.id`,
    };
  }
  if (operation === 'DELETE') {
    return {
      text: 'Delete all rows with one statement.',
      code: `DELETE FROM ${name} WHERE id = ANY($1)`,
    };
  }
  return {
    text: 'Read all rows with one statement, and move reads before the start of the transaction.',
    code: `SELECT * FROM ${name} WHERE id = ANY($1)`,
  };
}
