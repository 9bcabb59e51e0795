import { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import {
  DECISION_STATUSES,
  ruleDecisionsTable,
} from '../../src/core/schema/tables/rule-decisions-table.ts';
import { selectGaugeOverRange, selectGaugeOverTime } from './gauge-queries.ts';
import { MAX_ROWS } from './metric-queries.ts';
import { FROM, INTERVAL, quote, TO, toFilter } from './sql-text.ts';

/** Circuit breakers belong to services, so tenant filters don't apply to them. */
const BY = ['service', 'environment'] as const;
const KEYS = ['service', 'endpoint'] as const;
const STATE = { type: PerformanceMetricType.BREAKER_STATE, by: BY, keys: KEYS } as const;
const CALLS = {
  type: PerformanceMetricType.CUSTOM,
  name: 'perfscope.breaker.calls',
  by: BY,
  keys: ['operation'],
} as const;

const TENANT_CONDITIONS = [
  toFilter('organization', 'organization_id'),
  toFilter('property', 'property_id'),
];
const IN_RANGE = [`timestamp >= ${FROM}`, `timestamp < ${TO}`, ...TENANT_CONDITIONS].join(' AND ');
const IS_DECISION = `status IN (${DECISION_STATUSES.map(quote).join(', ')})`;
const TENANT_LABEL = `coalesce(property_id, organization_id, 'all')`;

/** Counts the circuit breakers whose latest state is open. */
export function selectOpenBreakers(): string {
  return `SELECT sum(CASE WHEN last = 2 THEN 1 ELSE 0 END) AS open FROM ${selectGaugeOverRange(STATE)}`;
}

/** The states of a circuit breaker, with their stored values and colors. */
export const BREAKER_STATES = [
  { value: 0, text: 'closed', color: 'green' },
  { value: 1, text: 'half-open', color: 'yellow' },
  { value: 2, text: 'open', color: 'red' },
] as const;

/** Selects the worst state of each breaker in each interval: 0 closed, 1 half-open, 2 open. */
export function selectBreakerStates(): string {
  return `SELECT time, concat(service, ' ', endpoint) AS metric, maximum AS value FROM ${selectGaugeOverTime(STATE)} ORDER BY time`;
}

/** Selects the number of calls to protected functions by outcome. */
export function selectBreakerCalls(): string {
  return `SELECT time, operation AS metric, value_total AS value FROM ${selectGaugeOverTime(CALLS)} ORDER BY time`;
}

/** Counts the settings that differ from their default at the end of the time range. */
export function selectChangedSettings(): string {
  return `SELECT count() AS settings FROM (
  SELECT id, status, dry_run, expires_at, row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS row_no
  FROM ${ruleDecisionsTable.name} WHERE timestamp < ${TO} AND ${IS_DECISION} AND ${TENANT_CONDITIONS.join(' AND ')}
) WHERE row_no = 1 AND expires_at > ${TO} AND NOT dry_run`;
}

/** Counts the decisions that could not be applied. */
export function selectFailedDecisions(): string {
  return `SELECT count() AS failed FROM ${ruleDecisionsTable.name} WHERE ${IN_RANGE} AND status = 'failed'`;
}

/**
 * Selects the maximum value of each setting in each interval, by tenant. Values that were assigned before the range or
 * the last interval continue, so that lines reach both ends of the range.
 */
export function selectSettingValues(): string {
  const metric = `concat(setting, ' ', ${TENANT_LABEL})`;
  const decisions = `${ruleDecisionsTable.name} WHERE ${[...TENANT_CONDITIONS, IS_DECISION, 'NOT dry_run'].join(' AND ')}`;
  const selectLastBefore = (time: string) => `SELECT ${time} AS time, metric, value FROM (
  SELECT ${metric} AS metric, value, row_number() OVER (PARTITION BY setting, organization_id, property_id ORDER BY timestamp DESC, seq DESC) AS row_no
  FROM ${decisions} AND timestamp < ${time}
) WHERE row_no = 1`;
  return `SELECT time, metric, max(value) AS value FROM (
${selectLastBefore(FROM)}
UNION ALL SELECT timestamp_floor(${INTERVAL}, timestamp) AS time, ${metric} AS metric, value
FROM ${decisions} AND timestamp >= ${FROM} AND timestamp < ${TO}
UNION ALL ${selectLastBefore(TO)}
) GROUP BY time, metric ORDER BY time`;
}

/** Selects decisions and their results, newest first. */
export function selectDecisions(): string {
  return `SELECT timestamp AS "Time", rule AS "Rule", setting AS "Setting", organization_id AS "Organization", property_id AS "Property", status AS "Status",
  previous AS "Previous value", value AS "Value", reason AS "Reason", author AS "Author", dry_run AS "Dry run"
FROM ${ruleDecisionsTable.name} WHERE ${IN_RANGE} AND status != 'renewed' ORDER BY timestamp DESC LIMIT ${MAX_ROWS}`;
}
