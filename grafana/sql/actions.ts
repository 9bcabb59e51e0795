import { PerformanceMetricType } from '../../src/schema/metric-type.ts';
import { DECISION_STATUSES, ruleDecisions } from '../../src/schema/rule-decisions.ts';
import { MOST_ROWS } from './figures.ts';
import { gaugeOverRange, gaugeOverTime } from './gauges.ts';
import { FROM, INTERVAL, isChosen, quoted, TO } from './text.ts';

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

const CHOSEN = [isChosen('organization', 'organization_id'), isChosen('property', 'property_id')];
const IN_RANGE = [`timestamp >= ${FROM}`, `timestamp < ${TO}`, ...CHOSEN].join(' AND ');
const IS_DECISION = `status IN (${DECISION_STATUSES.map(quoted).join(', ')})`;
const WHOSE = `coalesce(property_id, organization_id, 'all')`;

/** Breakers whose newest state is open. */
export function openBreakers(): string {
  return `SELECT sum(CASE WHEN last = 2 THEN 1 ELSE 0 END) AS open FROM ${gaugeOverRange(STATE)}`;
}

/** The worst state of each interval: 0 closed, 1 half-open, 2 open. */
export function breakerStates(): string {
  return `SELECT time, concat(service, ' ', endpoint) AS metric, most AS value FROM ${gaugeOverTime(STATE)} ORDER BY time`;
}

/** Calls of protected functions by outcome. */
export function breakerCalls(): string {
  return `SELECT time, operation AS metric, value_total AS value FROM ${gaugeOverTime(CALLS)} ORDER BY time`;
}

/** Settings that are away from their default at the range's end. */
export function settingsAway(): string {
  return `SELECT count() AS settings FROM (
  SELECT id, status, dry_run, expires_at, row_number() OVER (PARTITION BY id ORDER BY timestamp DESC, seq DESC) AS place
  FROM ${ruleDecisions.name} WHERE timestamp < ${TO} AND ${IS_DECISION} AND ${CHOSEN.join(' AND ')}
) WHERE place = 1 AND expires_at > ${TO} AND NOT dry_run`;
}

/** Decisions that could not be applied. */
export function failedDecisions(): string {
  return `SELECT count() AS failed FROM ${ruleDecisions.name} WHERE ${IN_RANGE} AND status = 'failed'`;
}

/** What each setting was set to, by tenant. */
export function settingValues(): string {
  return `SELECT timestamp_floor(${INTERVAL}, timestamp) AS time, concat(setting, ' ', ${WHOSE}) AS metric, max(value) AS value
FROM ${ruleDecisions.name} WHERE ${IN_RANGE} AND ${IS_DECISION} AND NOT dry_run GROUP BY time, metric ORDER BY time`;
}

/** Decisions and what became of them, the newest first. */
export function decisionTable(): string {
  return `SELECT timestamp AS "Time", rule AS "Rule", setting AS "Setting", organization_id AS "Organization", property_id AS "Property", status AS "Status",
  previous AS "Before", value AS "Value", reason AS "Reason", author AS "By", dry_run AS "Dry run"
FROM ${ruleDecisions.name} WHERE ${IN_RANGE} AND status != 'renewed' ORDER BY timestamp DESC LIMIT ${MOST_ROWS}`;
}
