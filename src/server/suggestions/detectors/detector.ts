import { fingerprintSql, type SqlFingerprint } from '../../../core/sql/sql-fingerprint.ts';
import { getRangeLengthMs, type TimeRange } from '../../../storage/queries/time-range.ts';
import type { RequestFact, SeriesFact, SuggestionFacts } from '../facts/suggestion-facts.ts';
import type { Suggestion, SuggestionKind } from '../suggestion.ts';

/** Finds one kind of problem. */
export interface Detector {
  readonly kind: SuggestionKind;
  /** Heading in docs/suggestions.md. */
  readonly title: string;
  /** What the detector looks for: one sentence. */
  readonly looksFor: string;
  /** Minimum evidence, with the reason. */
  readonly minimum: string;
  /** Next step in general: one sentence. */
  readonly nextStep: string;
  /** Returns a suggestion for each problem. Pure, and never throws for any facts. */
  readonly detect: (facts: SuggestionFacts) => Suggestion[];
}

/** Returns the length of a range in seconds, at least 1. */
export function getSeconds(range: TimeRange): number {
  return Math.max(1, getRangeLengthMs(range) / 1000);
}

/** Returns the mean of a series, or 0 without values. */
export function getMean({ count, total }: Pick<SeriesFact, 'count' | 'total'>): number {
  return count > 0 && Number.isFinite(total) ? total / count : 0;
}

/** Selects the facts of one metric. */
export function selectSeries(facts: SuggestionFacts, name: string): SeriesFact[] {
  return facts.series.filter((each) => each.name === name);
}

/** Adds up the database time of each service, in ms. */
export function sumDatabaseTime(facts: SuggestionFacts): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { service, total } of facts.statements) {
    sums.set(service, (sums.get(service) ?? 0) + total);
  }
  return sums;
}

/** Returns a key of a statement in a service. */
export function toStatementKey(service: string, statement: string | undefined): string {
  return JSON.stringify([service, statement ?? null]);
}

/** Adds up the executions of each statement, by the result of {@link toStatementKey}. */
export function indexStatements(facts: SuggestionFacts): Map<string, SeriesFact> {
  const statements = new Map<string, SeriesFact>();
  for (const fact of facts.statements) {
    const key = toStatementKey(fact.service, fact.endpoint);
    const known = statements.get(key);
    statements.set(
      key,
      known
        ? {
            ...known,
            count: known.count + fact.count,
            total: known.total + fact.total,
            max: Math.max(known.max, fact.max),
            firstMs: Math.min(known.firstMs, fact.firstMs),
            lastMs: Math.max(known.lastMs, fact.lastMs),
          }
        : fact,
    );
  }
  return statements;
}

/** Totals of the requests of a route with all methods. */
export interface RouteTotals {
  readonly count: number;
  /** Mean duration in ms. */
  readonly average: number;
  /** Mean time in the database in ms. Undefined without a breakdown. */
  readonly databaseTime: number | undefined;
}

/** Adds up the requests of a route. Metrics about statements have no method. */
export function sumRoute(
  facts: SuggestionFacts,
  service: string,
  endpoint: string | undefined,
): RouteTotals | undefined {
  const requests = facts.requests.filter(
    (each) => each.service === service && each.endpoint === endpoint && each.count > 0,
  );
  const count = requests.reduce((sum, each) => sum + each.count, 0);
  if (count === 0) return undefined;
  const weigh = (read: (fact: RequestFact) => number | undefined) =>
    requests.reduce((sum, each) => sum + each.count * (read(each) ?? 0), 0) / count;
  const hasBreakdown = requests.some(({ databaseTime }) => databaseTime !== undefined);
  return {
    count,
    average: weigh(({ average }) => average),
    databaseTime: hasBreakdown ? weigh(({ databaseTime }) => databaseTime) : undefined,
  };
}

const MAX_KNOWN = 5000;
const fingerprints = new Map<string, SqlFingerprint>();

/** Returns the operation and the table of a stored fingerprint. */
export function parseFingerprint(text: string): SqlFingerprint {
  const known = fingerprints.get(text);
  if (known) return known;
  const parsed = fingerprintSql(text, text.includes('`') ? 'mysql' : 'postgresql');
  if (fingerprints.size >= MAX_KNOWN) fingerprints.clear();
  fingerprints.set(text, parsed);
  return parsed;
}

/** Returns a percentage from 0 to 100, or undefined if `total` is 0. */
export function toShare(part: number, total: number): number | undefined {
  return total > 0 ? Math.min(100, Math.max(0, (100 * part) / total)) : undefined;
}
