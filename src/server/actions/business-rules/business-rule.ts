/** What a fact can be narrowed to. */
export const FACT_PARAMS = ['service', 'endpoint', 'queue', 'name', 'targetWait'] as const;
type FactParam = (typeof FACT_PARAMS)[number];
export type FactParams = Readonly<Partial<Record<FactParam, string>>>;

interface FactDefinition {
  readonly unit: '1/s' | '%' | 'ms' | '1';
  readonly params: readonly FactParam[];
  readonly required: readonly FactParam[];
  /** Whether it is known of each organization and property; a queue's depth is of the whole queue. */
  readonly tenants: boolean;
  readonly about: string;
}

const REQUEST_FACT = { params: ['service', 'endpoint'], required: [], tenants: true } as const;
const QUEUE_FACT = { params: ['queue'], required: ['queue'], tenants: false } as const;
const GAUGE_FACT = { params: ['service', 'name'], required: [], tenants: true } as const;

/** What rules can ask of a rolling window. `docs/actions.md` shows this table. */
export const FACTS = {
  requestRate: { unit: '1/s', ...REQUEST_FACT, about: 'requests a second' },
  errorRatio: { unit: '%', ...REQUEST_FACT, about: 'share of the requests that failed' },
  responseTime: { unit: 'ms', ...REQUEST_FACT, about: 'mean response time' },
  responseTimeP95: { unit: 'ms', ...REQUEST_FACT, about: '95th percentile of the response time' },
  activeUsers: { unit: '1', ...GAUGE_FACT, about: 'newest value of ACTIVE_USERS' },
  ongoingReservations: { unit: '1', ...GAUGE_FACT, about: 'newest value of ONGOING_RESERVATIONS' },
  gauge: {
    unit: '1',
    ...GAUGE_FACT,
    required: ['name'],
    about: 'newest value of a measurement of your own (CUSTOM) by its `name`',
  },
  queueDepth: { unit: '1', ...QUEUE_FACT, about: 'jobs that wait' },
  queueArrivalRate: { unit: '1/s', ...QUEUE_FACT, about: 'jobs that came, a second' },
  queueOldestAge: {
    unit: 'ms',
    ...QUEUE_FACT,
    about: 'for how long the oldest job has been waiting',
  },
  queueDrainTime: {
    unit: 'ms',
    ...QUEUE_FACT,
    about: 'until nothing waits; unknown while it grows',
  },
  recommendedWorkers: {
    unit: '1',
    ...QUEUE_FACT,
    params: ['queue', 'targetWait'],
    about: 'what `/scaling` recommends, with jobs waiting `targetWait` [1m] at most',
  },
} as const satisfies Readonly<Record<string, FactDefinition>>;
export type FactName = keyof typeof FACTS;
export const FACT_NAMES = Object.keys(FACTS) as [FactName, ...FactName[]];

/** The words of `name`, as their widest type. */
export function getFactDefinition(name: FactName): FactDefinition {
  return FACTS[name];
}

/** One figure that a rule asks for. */
export interface FactRequest {
  readonly fact: FactName;
  readonly params: FactParams;
}

/** What it is called in a decision's facts: `queueDepth(queue=mails)`. */
export function toFactKey({ fact, params }: FactRequest): string {
  const given = Object.entries(params).filter(([, text]) => text !== undefined);
  if (given.length === 0) return fact;
  return `${fact}(${given
    .sort()
    .map(([name, text]) => `${name}=${text}`)
    .join(', ')})`;
}

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
export type RuleValue = number | (FactRequest & { readonly times: number; readonly plus: number });

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
  readonly value: RuleValue;
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
export function listFactRequests({ when, until, value }: BusinessRule): FactRequest[] {
  const found = [...listConditionFacts(when), ...(until ? listConditionFacts(until) : [])];
  if (typeof value === 'object') found.push({ fact: value.fact, params: value.params });
  return [...new Map(found.map((request) => [JSON.stringify(request), request])).values()];
}

function listConditionFacts(condition: Condition): FactRequest[] {
  if ('all' in condition) return condition.all.flatMap(listConditionFacts);
  if ('any' in condition) return condition.any.flatMap(listConditionFacts);
  if ('not' in condition) return listConditionFacts(condition.not);
  return [{ fact: condition.fact, params: condition.params }];
}
