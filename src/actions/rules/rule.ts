import type { FactName, FactParams, FactRequest } from './facts/words.ts';

export const OPERATORS = [
  'greaterThan',
  'greaterThanInclusive',
  'lessThan',
  'lessThanInclusive',
] as const;

/** json-rules-engine's conditions, with the facts that are known here. */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | {
      readonly fact: FactName;
      readonly operator: (typeof OPERATORS)[number];
      readonly value: number;
      readonly params: FactParams;
    };

/** A number, or one that follows a fact: `plus + times × fact`. */
export type Wanted = number | (FactRequest & { readonly times: number; readonly plus: number });

/** How far and how often a rule may change its setting. */
export interface RuleLimits {
  readonly min: number;
  readonly max: number;
  /** Largest change at once. */
  readonly step: number;
  /** Values are multiples of it. */
  readonly round: number;
  /** Changes within `perMs` at most. */
  readonly changes: number;
  readonly perMs: number;
}

export const GROUPINGS = ['all', 'organization', 'property'] as const;

/** A rule that sets one setting, for everybody or for each tenant apart. */
export interface BusinessRule {
  readonly name: string;
  /** What handlers are registered for. */
  readonly event: string;
  readonly setting: string;
  readonly per: (typeof GROUPINGS)[number];
  readonly only: {
    readonly organization?: readonly string[] | undefined;
    readonly property?: readonly string[] | undefined;
    readonly environment?: readonly string[] | undefined;
  };
  readonly windowMs: number;
  readonly when: Condition;
  /** What ends it; undefined: that `when` does not hold any more. */
  readonly until: Condition | undefined;
  readonly value: Wanted;
  /** What counts while the rule does not hold, and when nothing is heard of it. */
  readonly defaultValue: number;
  readonly limits: RuleLimits;
  /** Least time between two changes. */
  readonly coolDownMs: number;
  /** How long a decision counts; while its rule holds it is renewed. */
  readonly expiresAfterMs: number;
  readonly dryRun: boolean;
  /** Names of the file's webhooks. */
  readonly webhooks: readonly string[];
}

/** Everything that `rule` asks for, once each. */
export function requestsOf({ when, until, value }: BusinessRule): FactRequest[] {
  const found = [...inCondition(when), ...(until ? inCondition(until) : [])];
  if (typeof value === 'object') found.push({ fact: value.fact, params: value.params });
  return [...new Map(found.map((request) => [JSON.stringify(request), request])).values()];
}

function inCondition(condition: Condition): FactRequest[] {
  if ('all' in condition) return condition.all.flatMap(inCondition);
  if ('any' in condition) return condition.any.flatMap(inCondition);
  if ('not' in condition) return inCondition(condition.not);
  return [{ fact: condition.fact, params: condition.params }];
}
