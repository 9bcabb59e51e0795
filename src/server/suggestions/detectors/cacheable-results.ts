import { formatDuration, formatPercent } from '../../../core/format.ts';
import { REPEATED_EXECUTIONS_METRIC_NAME } from '../../../core/suggestion-metrics.ts';
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

const MIN_REPEATED = 100;
/** With a smaller share, most lookups in a cache would miss. */
const MIN_REPEATED_SHARE = 50;
/** A smaller share of the database time isn't worth stale data. */
const MIN_DATABASE_SHARE = 5;

export const cacheableResultsDetector: Detector = {
  kind: 'cacheable-results',
  title: 'Results worth caching',
  looksFor: 'SELECT statements that a process repeats with the same arguments within a minute.',
  minimum:
    '100 repetitions, half of all executions of the statement, and 5 % of the database time of the service. With less, most lookups would miss, or the gain would not justify stale data.',
  nextStep: 'Keep results in memory for a short time.',
  detect,
};

function detect(facts: SuggestionFacts): Suggestion[] {
  const statements = indexStatements(facts);
  const databaseTime = sumDatabaseTime(facts);
  return selectSeries(facts, REPEATED_EXECUTIONS_METRIC_NAME).flatMap((fact) => {
    const { service, endpoint: statement } = fact;
    const executed = statements.get(toStatementKey(service, statement));
    if (statement === undefined || executed === undefined) return [];
    const { operation, table } = parseFingerprint(statement);
    if (operation !== 'SELECT' || table === undefined) return [];
    const repeated = Math.min(fact.increase || fact.total, executed.count);
    const share = toShare(repeated, executed.count) ?? 0;
    const saved = repeated * getMean(executed);
    const databaseShare = toShare(saved, databaseTime.get(service) ?? 0) ?? 0;
    const isEnough = repeated >= MIN_REPEATED && share >= MIN_REPEATED_SHARE;
    if (!isEnough || databaseShare < MIN_DATABASE_SHARE) return [];
    return [toSuggestion(facts, fact, executed, { statement, repeated, share, databaseShare })];
  });
}

function toSuggestion(
  facts: SuggestionFacts,
  { service, firstMs, lastMs }: SeriesFact,
  executed: SeriesFact,
  found: {
    readonly statement: string;
    readonly repeated: number;
    readonly share: number;
    readonly databaseShare: number;
  },
): Suggestion {
  const { statement, repeated, share, databaseShare } = found;
  const mean = getMean(executed);
  const { table } = parseFingerprint(statement);
  return createSuggestion({
    ...{ kind: 'cacheable-results', key: [service, statement], service, statement, table },
    ...{ range: facts.range, firstMs, lastMs },
    title: `${formatPercent(share)} of the executions of a SELECT on ${table} repeat the same arguments`,
    evidence: [
      { label: 'Repeated executions within a minute', value: repeated, unit: '1' },
      { label: 'All executions', value: executed.count, unit: '1' },
      { label: 'Share of repeated executions', value: share, unit: '%' },
      { label: 'Mean duration of the statement', value: mean, unit: 'ms' },
    ],
    gain: {
      text: `Up to ${formatDuration(mean)} for each repeated execution, ${formatPercent(databaseShare)} of the database time of the service.`,
      method: 'Repeated executions, times the mean duration of the statement.',
      ms: (mean * share) / 100,
      share: databaseShare,
    },
    nextStep: {
      text: 'Keep the results in memory for up to a minute, if the application accepts data of that age. Otherwise, delete an entry when its row changes.',
      code: "import { LRUCache } from 'lru-cache';\nconst cache = new LRUCache({ max: 1000, ttl: 60_000, fetchMethod: (key) => loadFromDatabase(key) });\nconst rows = await cache.fetch(key);",
    },
    confidence: share >= 80 && repeated >= 1000 ? 'high' : 'medium',
    savedMsPerSecond: (mean * repeated) / getSeconds(facts.range),
  });
}
