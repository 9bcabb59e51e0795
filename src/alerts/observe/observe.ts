import type { Observation } from '../evaluate/observation.ts';
import type { Rule } from '../rules/rule.ts';
import { observeMeasure } from './measure.ts';
import { keyOfRows, type Round } from './round.ts';
import { observeSql } from './sql-rule.ts';

/** A rule whose figures are in the database. */
export type StoredRule = Rule & { readonly source: Exclude<Rule['source'], { kind: 'internal' }> };
/** A rule about Perfscope itself. */
export type InternalRule = Rule & {
  readonly source: Extract<Rule['source'], { kind: 'internal' }>;
};

export function isStored(rule: Rule): rule is StoredRule {
  return rule.source.kind !== 'internal';
}

/** One query for all groups of a rule. @throws what `Round` and `observeSql` throw */
export function observe({ source }: StoredRule, round: Round): Promise<Observation[]> {
  return source.kind === 'sql'
    ? observeSql(source, round.store, round.now)
    : observeMeasure(source, round);
}

/** Rules that look at the same rows, so that they are asked together. */
export function batchesOf(rules: readonly StoredRule[]): StoredRule[][] {
  const batches = Map.groupBy(rules, ({ name, source }) =>
    source.kind === 'sql' ? `sql ${name}` : `measure ${keyOfRows(source)}`,
  );
  return [...batches.values()];
}
