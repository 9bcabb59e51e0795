/** What a fact can be narrowed to. */
export const FACT_PARAMS = ['service', 'endpoint', 'queue', 'name', 'targetWait'] as const;
type FactParam = (typeof FACT_PARAMS)[number];
export type FactParams = Readonly<Partial<Record<FactParam, string>>>;

interface FactWords {
  readonly unit: '1/s' | '%' | 'ms' | '1';
  readonly params: readonly FactParam[];
  readonly required: readonly FactParam[];
  /** Whether it is known of each organization and property; a queue's depth is of the whole queue. */
  readonly tenants: boolean;
  readonly about: string;
}

const REQUESTS = { params: ['service', 'endpoint'], required: [], tenants: true } as const;
const QUEUE = { params: ['queue'], required: ['queue'], tenants: false } as const;
const GAUGE = { params: ['service', 'name'], required: [], tenants: true } as const;

/** What rules can ask of a rolling window. `docs/actions.md` shows this table. */
export const FACTS = {
  requestRate: { unit: '1/s', ...REQUESTS, about: 'requests a second' },
  errorRatio: { unit: '%', ...REQUESTS, about: 'share of the requests that failed' },
  responseTime: { unit: 'ms', ...REQUESTS, about: 'mean response time' },
  responseTimeP95: { unit: 'ms', ...REQUESTS, about: '95th percentile of the response time' },
  activeUsers: { unit: '1', ...GAUGE, about: 'newest value of ACTIVE_USERS' },
  ongoingReservations: { unit: '1', ...GAUGE, about: 'newest value of ONGOING_RESERVATIONS' },
  gauge: {
    unit: '1',
    ...GAUGE,
    required: ['name'],
    about: 'newest value of a measurement of your own (CUSTOM) by its `name`',
  },
  queueDepth: { unit: '1', ...QUEUE, about: 'jobs that wait' },
  queueArrivalRate: { unit: '1/s', ...QUEUE, about: 'jobs that came, a second' },
  queueOldestAge: { unit: 'ms', ...QUEUE, about: 'for how long the oldest job has been waiting' },
  queueDrainTime: { unit: 'ms', ...QUEUE, about: 'until nothing waits; unknown while it grows' },
  recommendedWorkers: {
    unit: '1',
    ...QUEUE,
    params: ['queue', 'targetWait'],
    about: 'what `/scaling` recommends, with jobs waiting `targetWait` [1m] at most',
  },
} as const satisfies Readonly<Record<string, FactWords>>;
export type FactName = keyof typeof FACTS;
export const FACT_NAMES = Object.keys(FACTS) as [FactName, ...FactName[]];

/** The words of `name`, as their widest type. */
export function factWords(name: FactName): FactWords {
  return FACTS[name];
}

/** One figure that a rule asks for. */
export interface FactRequest {
  readonly fact: FactName;
  readonly params: FactParams;
}

/** What it is called in a decision's facts: `queueDepth(queue=mails)`. */
export function factKey({ fact, params }: FactRequest): string {
  const given = Object.entries(params).filter(([, text]) => text !== undefined);
  if (given.length === 0) return fact;
  return `${fact}(${given
    .sort()
    .map(([name, text]) => `${name}=${text}`)
    .join(', ')})`;
}
