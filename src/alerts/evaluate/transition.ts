import { createHash } from 'node:crypto';
import type { AlertState } from '../../schema/alerts.ts';
import type { AlertSeverity } from '../../schema/metric-type.ts';
import type { Labels } from '../rules/rule.ts';
import { groupKey } from './observation.ts';

/** One change of one alert: a row of the table `alerts`. Times in ms since the epoch. */
export interface Transition {
  readonly timestamp: number;
  readonly id: string;
  /** Counts the alert's transitions from 1. */
  readonly seq: number;
  readonly rule: string;
  readonly state: AlertState;
  readonly severity: AlertSeverity;
  /** Undefined where no data are what is wrong, or the value is infinite. */
  readonly value: number | undefined;
  /** The threshold that was crossed; of a resolved alert, the one to stay within. */
  readonly threshold: number | undefined;
  /** JSON with sorted keys: what identifies the group within its rule. */
  readonly labels: string;
  /** The first explanation, or why it ended without its value's doing. */
  readonly cause: string | undefined;
  readonly author: string | undefined;
  readonly comment: string | undefined;
  readonly service: string | undefined;
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
  readonly startedAt: number;
  readonly firedAt: number | undefined;
}

/** What a transition says anew; the rest is the alert's. */
type Change = Pick<Transition, 'state' | 'severity' | 'value' | 'threshold'> &
  Partial<Pick<Transition, 'cause' | 'author' | 'comment'>>;

/** The first transition of an alert whose data are bad since `startedAt`. */
export function opened(
  rule: string,
  labels: Labels,
  startedAt: number,
  now: number,
  change: Change,
): Transition {
  const key = groupKey(labels);
  return {
    cause: undefined,
    author: undefined,
    comment: undefined,
    ...change,
    value: storable(change.value),
    timestamp: now,
    id: alertId(rule, key, startedAt),
    seq: 1,
    rule,
    labels: key,
    service: labels.service,
    organizationId: labels.organization,
    propertyId: labels.property,
    startedAt,
    firedAt: change.state === 'firing' ? now : undefined,
  };
}

/** The next transition of `alert`. A clock that was set back does not put it before the last one. */
export function followed(alert: Transition, now: number, change: Change): Transition {
  const timestamp = Math.max(now, alert.timestamp);
  return {
    ...alert,
    ...change,
    value: storable(change.value),
    timestamp,
    seq: alert.seq + 1,
    firedAt: alert.firedAt ?? (change.state === 'firing' ? timestamp : undefined),
  };
}

/** The same alert has the same id wherever and whenever it is computed. */
function alertId(rule: string, key: string, startedAt: number): string {
  return createHash('sha1').update(`${rule}\n${key}\n${startedAt}`).digest('hex').slice(0, 24);
}

function storable(value: number | undefined): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}
