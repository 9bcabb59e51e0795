import { PerformanceMetricType } from '../../src/core/schema/enums.ts';
import {
  DECISION_STATUSES,
  ruleDecisionsTable,
} from '../../src/core/schema/tables/rule-decisions-table.ts';
import { selectGaugeOverRange, selectGaugeOverTime } from './gauge-queries.ts';
import { MAX_ROWS } from './metric-queries.ts';
import { FROM, INTERVAL, quote, TO, toFilter } from './sql-text.ts';

/** Breakers are of services, and so of no tenant. */
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

/** Breakers whose newest state is open. */
export function selectOpenBreakers(): string {
  return `SELECT sum(CASE WHEN last = 2 THEN 1 ELSE 0 END) AS open FROM ${selectGaugeOverRange(STATE)}`;
}

/** The worst state of each interval: 0 closed, 1 half-open, 2 open. */
export function selectBreakerStates(): string {
  return `SELECT time, concat(service, ' ', endpoint) AS metric, most AS value FROM ${selectGaugeOverTime(STATE)} ORDER BY time`;
}

/** Calls of protected functions by outcome. */
export function selectBreakerCalls(): string {
  return `SELECT time, operation AS metric, value_total AS value FROM ${selectGaugeOverTime(CALLS)} ORDER BY time`;
}

/** Settings that are away from their default at the range's end. */
export function selectChangedSettings(): string {
  return `SELECT count() AS settings FROM (
  SELECT id, status, dry_run, expires_at, row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS place
  FROM ${ruleDecisionsTable.name} WHERE timestamp < ${TO} AND ${IS_DECISION} AND ${TENANT_CONDITIONS.join(' AND ')}
) WHERE place = 1 AND expires_at > ${TO} AND NOT dry_run`;
}

/** Decisions that could not be applied. */
export function selectFailedDecisions(): string {
  return `SELECT count() AS failed FROM ${ruleDecisionsTable.name} WHERE ${IN_RANGE} AND status = 'failed'`;
}

/** What each setting was set to, by tenant. */
export function selectSettingValues(): string {
  return `SELECT timestamp_floor(${INTERVAL}, timestamp) AS time, concat(setting, ' ', ${TENANT_LABEL}) AS metric, max(value) AS value
FROM ${ruleDecisionsTable.name} WHERE ${IN_RANGE} AND ${IS_DECISION} AND NOT dry_run GROUP BY time, metric ORDER BY time`;
}

/** Decisions and what became of them, the newest first. */
export function selectDecisions(): string {
  return `SELECT timestamp AS "Time", rule AS "Rule", setting AS "Setting", organization_id AS "Organization", property_id AS "Property", status AS "Status",
  previous AS "Before", value AS "Value", reason AS "Reason", author AS "By", dry_run AS "Dry run"
FROM ${ruleDecisionsTable.name} WHERE ${IN_RANGE} AND status != 'renewed' ORDER BY timestamp DESC LIMIT ${MAX_ROWS}`;
}
