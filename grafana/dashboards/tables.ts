import { ALERT_LINKS } from '../parts/cell-links.ts';
import {
  ALERT_STATE,
  type Column,
  duration,
  HIDDEN,
  INCIDENT_STATE,
  longText,
  number,
  percent,
  RELATIVE_TIME,
  ruleColors,
  SEVERITY,
  TIME,
  text,
} from '../parts/tables.ts';
import { ALERT_LINK_COLUMNS } from '../sql/alert-queries.ts';

type Columns = Readonly<Record<string, Column>>;

/** Columns with the values of `selectRanking`, for statements. */
export const RANKING_COLUMNS: Columns = {
  Count: number(75),
  'Per minute': number(95),
  Average: duration(85),
  p95: duration(85),
  Longest: duration(85),
  Failed: percent(75),
  'Total time': duration(90),
};

/** Columns with the values of `selectRanking`, for requests. */
export const REQUEST_COLUMNS: Columns = {
  ...RANKING_COLUMNS,
  Average: duration(85, ruleColors('response-time')),
  Failed: percent(75, ruleColors('error-rate')),
  Aborted: percent(80),
};

const LINK_COLUMNS: Columns = Object.fromEntries(
  Object.values(ALERT_LINK_COLUMNS).map((name) => [name, HIDDEN]),
);
const ALERT_COLUMNS: Columns = {
  Severity: SEVERITY,
  Rule: text(160, { wrap: true, links: ALERT_LINKS }),
  State: ALERT_STATE,
  Service: text(85),
  Subject: longText(110),
  Value: text(75),
  Limit: text(70),
  Cause: longText(140, { links: ALERT_LINKS }),
  ...LINK_COLUMNS,
};

/** Columns of `selectFiringAlerts`. */
export const ACTIVE_ALERT_COLUMNS: Columns = {
  ...ALERT_COLUMNS,
  Tenant: longText(110),
  Since: RELATIVE_TIME,
  'Acknowledged by': text(140),
};

/** Columns of `selectIncidentList`. */
export const INCIDENT_COLUMNS: Columns = {
  Severity: SEVERITY,
  State: INCIDENT_STATE,
  'Likely cause': longText(300),
  Alerts: number(70),
  Services: longText(120),
  Organizations: longText(120),
  Since: RELATIVE_TIME,
  Resolved: RELATIVE_TIME,
  'Acknowledged by': text(140),
};

/** Columns of `selectAlertHistory`. */
export const ALERT_HISTORY_COLUMNS: Columns = {
  ...ALERT_COLUMNS,
  Tenant: longText(95),
  Time: TIME,
  Author: text(65),
  Comment: longText(85),
};

/** Columns of `selectQueueUsage`. */
export const QUEUE_USAGE_COLUMNS: Columns = {
  Queue: longText(120),
  Organization: text(115),
  Property: text(110),
  Finished: number(80),
  Processing: duration(95),
  Share: percent(70),
  Wait: duration(85),
};

/** Columns of `selectUptimes`. */
export const UPTIME_COLUMNS: Columns = {
  Service: longText(120),
  Up: percent(90, { decimals: 3, ...ruleColors('target-uptime') }),
  'Minutes down': number(120),
};

/** Columns of `selectErrorBudgets`. */
export const OBJECTIVE_COLUMNS: Columns = {
  Objective: longText(120),
  Group: longText(110),
  Target: percent(70, { decimals: 2 }),
  Achieved: percent(80, { decimals: 2 }),
  Remaining: percent(90),
  Fast: number(60),
  Slow: number(60),
  'Runs out': TIME,
};
