/**
 * Names of the same thing in rules, notification files, the REST API, and SQL. Each thing has one
 * name in YAML and JSON, in camel case. SQL columns have the same name in snake case, except for
 * columns that other databases and QuestDB name differently. Other spellings are deprecated, but
 * accepted. `docs/configuration.md` contains this table.
 */
interface Term {
  /** The name in YAML and JSON. */
  readonly name: string;
  /** The name in SQL: a column, or a function. Undefined if SQL has no such name. */
  readonly sql?: string;
  /** Other names, which are accepted with a notice. */
  readonly deprecated: readonly string[];
  /** The name in our schemas, if it differs from `name`. */
  readonly internal?: string;
}

export const TERMS: readonly Term[] = [
  {
    name: 'organizationId',
    sql: 'organization_id',
    internal: 'organization',
    deprecated: ['organization', 'organization_id'],
  },
  {
    name: 'propertyId',
    sql: 'property_id',
    internal: 'property',
    deprecated: ['property', 'property_id'],
  },
  { name: 'userId', sql: 'user_id', deprecated: ['user_id'] },
  { name: 'queue', sql: 'queue_name', deprecated: ['queueName', 'queue_name'] },
  { name: 'version', sql: 'service_version', deprecated: ['serviceVersion', 'service_version'] },
  { name: 'metricType', sql: 'metric_type', deprecated: ['metric_type'] },
  { name: 'average', sql: 'value', internal: 'mean', deprecated: ['mean', 'avg'] },
  {
    name: 'errorRate',
    sql: 'error_rate',
    internal: 'error_ratio',
    deprecated: ['error_ratio', 'error_rate', 'errorRatio'],
  },
  {
    name: 'failureRate',
    internal: 'failure_rate',
    deprecated: ['failure_rate', 'failureRatio', 'failure_ratio'],
  },
  { name: 'slowShare', internal: 'slow_share', deprecated: ['slow_share'] },
  { name: 'oldestAge', internal: 'oldest_age', deprecated: ['oldest_age'] },
  { name: 'timeToDrain', internal: 'time_to_drain', deprecated: ['time_to_drain'] },
];

const TERM_BY_NAME: ReadonlyMap<string, Term> = new Map(
  TERMS.flatMap((term) => [term.name, ...term.deprecated].map((name) => [name, term] as const)),
);

/** Receives deprecated names while `collectDeprecatedNames` runs. */
let collected: Map<string, string> | undefined;

/** The result of a function, and one notice for each deprecated name that it used. */
export interface WithNotices<T> {
  readonly value: T;
  readonly notices: readonly string[];
}

/** Runs a synchronous function and collects the deprecated names that it resolves. */
export function collectDeprecatedNames<T>(use: () => T): WithNotices<T> {
  const outer = collected;
  const names = new Map<string, string>();
  collected = names;
  try {
    const value = use();
    const notices = [...names].map(
      ([name, replacement]) => `\`${name}\` is deprecated. Use \`${replacement}\` instead.`,
    );
    return { value, notices };
  } finally {
    collected = outer;
  }
}

/** Collects a deprecated name that isn't in the vocabulary, such as a rule that was replaced. */
export function noteDeprecatedName(name: string, replacement: string): void {
  collected?.set(name, replacement);
}

/** Returns the name for users of a name in our schemas: `average` for `mean`. */
export function toPreferredName(name: string): string {
  return TERM_BY_NAME.get(name)?.name ?? name;
}

/** Returns the SQL column of a name in another spelling, or undefined if there is none. */
export function findSqlName(name: string): string | undefined {
  return TERM_BY_NAME.get(name)?.sql;
}

/**
 * Returns the element of `known` with the same meaning as `name`. Returns undefined if there is none.
 * Collects `name` if it is deprecated.
 */
export function resolveName<N extends string>(name: string, known: readonly N[]): N | undefined {
  const term = TERM_BY_NAME.get(name);
  const found =
    known.find((each) => each === name) ??
    (term && known.find((each) => each === term.name || term.deprecated.includes(each)));
  if (found !== undefined && term && name !== term.name) collected?.set(name, term.name);
  return found;
}

/** Returns the name in our schemas: `mean` for `average`. Collects `name` if it is deprecated. */
export function toInternalName(name: string): string {
  const term = TERM_BY_NAME.get(name);
  if (term === undefined) return name;
  if (name !== term.name) collected?.set(name, term.name);
  return term.internal ?? term.name;
}

/** The labels of alerts, by the names of their dimensions. */
const LABELS: ReadonlyMap<string, string> = new Map([
  ['organizationId', 'organization'],
  ['propertyId', 'property'],
  ['queue', 'queue'],
  ['version', 'version'],
]);

/** Returns the label of a dimension in any spelling. Other labels stay unchanged. */
export function toLabelName(name: string): string {
  return LABELS.get(toPreferredName(name)) ?? name;
}
