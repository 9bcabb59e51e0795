/** Parameters that narrow a fact. */
export const FACT_PARAMS = [
  'service',
  'endpoint',
  'queue',
  'queueScope',
  'name',
  'targetWait',
] as const;
type FactParam = (typeof FACT_PARAMS)[number];
export type FactParams = Readonly<Partial<Record<FactParam, string>>>;

interface FactDefinition {
  readonly unit: '1/s' | '%' | 'ms' | '1';
  readonly params: readonly FactParam[];
  readonly required: readonly FactParam[];
  /** Whether the fact has separate values for each organization and property. Queue facts don't. */
  readonly tenants: boolean;
  readonly about: string;
}

const REQUEST_FACT = { params: ['service', 'endpoint'], required: [], tenants: true } as const;
const QUEUE_FACT = {
  params: ['queue', 'queueScope'],
  required: ['queue'],
  tenants: false,
} as const;
const GAUGE_FACT = { params: ['service', 'name'], required: [], tenants: true } as const;

/** Facts that rules can use, each computed over a rolling window. `docs/actions.md` lists them. */
export const FACTS = {
  requestRate: { unit: '1/s', ...REQUEST_FACT, about: 'requests per second' },
  errorRate: { unit: '%', ...REQUEST_FACT, about: 'percentage of failed requests' },
  responseTime: { unit: 'ms', ...REQUEST_FACT, about: 'mean response time' },
  responseTimeP95: { unit: 'ms', ...REQUEST_FACT, about: '95th percentile of response time' },
  activeUsers: { unit: '1', ...GAUGE_FACT, about: 'latest value of ACTIVE_USERS' },
  ongoingReservations: { unit: '1', ...GAUGE_FACT, about: 'latest value of ONGOING_RESERVATIONS' },
  gauge: {
    unit: '1',
    ...GAUGE_FACT,
    required: ['name'],
    about: 'latest value of a custom measurement (CUSTOM) with this `name`',
  },
  queueDepth: { unit: '1', ...QUEUE_FACT, about: 'number of waiting jobs' },
  queueArrivalRate: { unit: '1/s', ...QUEUE_FACT, about: 'accepted jobs per second' },
  queueOldestAge: {
    unit: 'ms',
    ...QUEUE_FACT,
    about: 'wait time of the oldest waiting job',
  },
  queueDrainTime: {
    unit: 'ms',
    ...QUEUE_FACT,
    about: 'time until the queue is empty; unknown while the queue grows',
  },
  recommendedWorkers: {
    unit: '1',
    ...QUEUE_FACT,
    params: ['queue', 'queueScope', 'targetWait'],
    about: 'workers that `/scaling` recommends for a maximum wait of `targetWait` [1m]',
  },
} as const satisfies Readonly<Record<string, FactDefinition>>;
export type FactName = keyof typeof FACTS;
export const FACT_NAMES = Object.keys(FACTS) as [FactName, ...FactName[]];

/** Returns the definition of a fact. */
export function getFactDefinition(name: FactName): FactDefinition {
  return FACTS[name];
}

/** A fact with its parameters, as a rule uses it. */
export interface FactRequest {
  readonly fact: FactName;
  readonly params: FactParams;
}

/** Values of a tenant's facts, keyed by `toFactKey`. Unknown facts are missing. */
export type FactValues = ReadonlyMap<string, number>;

/** Returns the key of a fact in a decision, such as `queueDepth(queue=mails)`. */
export function toFactKey({ fact, params }: FactRequest): string {
  const definedParams = Object.entries(params).filter(([, text]) => text !== undefined);
  if (definedParams.length === 0) return fact;
  return `${fact}(${definedParams
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

/** A condition in the format of json-rules-engine, limited to the facts above. */
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

/** A fixed number, or a number computed from a fact: `plus + times × fact`. */
export type RuleValue = number | (FactRequest & { readonly times: number; readonly plus: number });

/** Limits on the values of a setting and on how often it changes. */
export interface RuleLimits {
  readonly min: number;
  readonly max: number;
  /** Largest change in one decision. */
  readonly step: number;
  /** Values are rounded to a multiple of this number. */
  readonly round: number;
  /** Maximum number of changes within `perMs`. */
  readonly changes: number;
  readonly perMs: number;
}

export const GROUPINGS = ['all', 'organization', 'property'] as const;

/** A rule that controls one setting, either globally or per tenant. */
export interface BusinessRule {
  readonly name: string;
  /** Event name that handlers register for. */
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
  /**
   * Condition that ends the rule while its setting differs from the default. If undefined, the rule
   * ends when `when` stops being met.
   */
  readonly until: Condition | undefined;
  readonly value: RuleValue;
  /** Value while `when` is not met, and after the last decision expires. */
  readonly defaultValue: number;
  readonly limits: RuleLimits;
  /** Minimum time between two changes. */
  readonly coolDownMs: number;
  /** Time until a decision expires. While the condition is met, decisions are renewed. */
  readonly expiresAfterMs: number;
  readonly dryRun: boolean;
  /** Names of webhooks in the same file. */
  readonly webhooks: readonly string[];
}

/** Returns each fact that the rule uses, without duplicates. */
export function listFactRequests({ when, until, value }: BusinessRule): FactRequest[] {
  const requests = [...listConditionFacts(when), ...(until ? listConditionFacts(until) : [])];
  if (typeof value === 'object') requests.push({ fact: value.fact, params: value.params });
  return [...new Map(requests.map((request) => [JSON.stringify(request), request])).values()];
}

function listConditionFacts(condition: Condition): FactRequest[] {
  if ('all' in condition) return condition.all.flatMap(listConditionFacts);
  if ('any' in condition) return condition.any.flatMap(listConditionFacts);
  if ('not' in condition) return listConditionFacts(condition.not);
  return [{ fact: condition.fact, params: condition.params }];
}
