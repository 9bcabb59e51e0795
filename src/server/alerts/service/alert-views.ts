import {
  type Alert,
  type AlertBase,
  type Labels,
  type Suppression,
  toReadableLabels,
} from '../../../core/alerts/alert.ts';
import { toRunbookLink } from '../../../core/alerts/runbook-link.ts';
import type { AlertSeverity } from '../../../core/schema/enums.ts';
import type { AlertState } from '../../../core/schema/tables/alerts-table.ts';
import type { TenantScope } from '../../../core/tenant-scope.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import type { DeployService } from '../deploys/deploy-service.ts';
import type { Transition } from '../evaluation/alert-transition.ts';
import type { Silence } from '../suppression/silence.ts';
import type { AlertSeries, SeriesRequest } from './alert-series.ts';
import type { ForecastService } from './forecast-views.ts';
import type { ObjectiveService } from './objective-views.ts';
import type { RuleDetails } from './rule-details.ts';

/** Why an alert isn't sent now. */
interface SuppressionView {
  readonly reason: string;
  /**
   * A silence ID, an inhibition name, the ID of another alert, or the labels of the notification group,
   * such as `service=booking, organization=grand`.
   */
  readonly by: string;
  readonly detail: string;
  readonly until: Date | undefined;
}

/** An alert in API responses. */
export interface AlertView extends AlertBase {
  readonly startedAt: Date;
  readonly firedAt: Date | undefined;
  readonly changedAt: Date;
  readonly held: readonly SuppressionView[];
  /** ID of the incident that contains the alert. Undefined for pending alerts, and a day after the incident ended. */
  readonly incidentId: string | undefined;
}

/** One change of an alert. */
interface TransitionView {
  readonly at: Date;
  readonly seq: number;
  readonly state: AlertState;
  readonly severity: AlertSeverity;
  readonly value: number | undefined;
  readonly threshold: number | undefined;
  readonly cause: string | undefined;
  readonly author: string | undefined;
  readonly comment: string | undefined;
}

export interface RuleView extends RuleDetails {
  readonly name: string;
  /** State of the rule: `firing` if any of its visible alerts is firing. */
  readonly state: 'inactive' | 'pending' | 'firing';
  readonly alerts: number;
  readonly thresholds: readonly { readonly severity: AlertSeverity; readonly threshold: number }[];
  readonly direction: 'above' | 'below';
  readonly labels: Labels;
  readonly runbook: string | undefined;
  /** Duration in ms. */
  readonly for: number;
  /** Time between two evaluations, in ms. */
  readonly interval: number;
  readonly evaluatedAt: Date | undefined;
  readonly durationMs: number | undefined;
  readonly error: string | undefined;
  readonly failures: number;
  readonly target: boolean;
  /** Percentage of the last day during which the target was met. Only for targets. */
  readonly met: number | undefined;
}

interface RulesView {
  readonly rules: readonly RuleView[];
  readonly file: string | undefined;
  readonly loadedAt: Date;
  /**
   * Problems in the current file, as `file:line:column: message`. If there are problems, the
   * previous rules stay in effect.
   */
  readonly problems: readonly string[];
}

export interface SilenceView {
  readonly id: string;
  readonly kind: 'silenced' | 'maintenance';
  readonly matchers: readonly string[];
  readonly startsAt: Date | undefined;
  readonly endsAt: Date | undefined;
  readonly recurrence: Readonly<Record<string, unknown>> | undefined;
  readonly author: string;
  readonly comment: string;
  readonly organizationId: string | undefined;
  readonly propertyId: string | undefined;
}

/** A change of an alert, and its position in the stream of changes. */
interface AlertChange {
  readonly position: string;
  readonly alert: AlertView;
}

/** Filters alerts. Each key lists the values that match. */
export interface AlertFilter {
  readonly state?: readonly AlertState[] | undefined;
  readonly severity?: readonly AlertSeverity[] | undefined;
  readonly service?: readonly string[] | undefined;
  readonly rule?: readonly string[] | undefined;
}

/** The caller, and the tenants the caller can access. */
interface Actor {
  readonly author: string;
  readonly scope: TenantScope;
}

/** Tenant of a new silence. Needed only if the caller can access more than one tenant. */
export interface SilenceTenant {
  readonly organizationId?: string | undefined;
  readonly propertyId?: string | undefined;
}

/** An alert that fired in a time range. */
export interface FiredAlert {
  readonly id: string;
  readonly rule: string;
  /** The severity at the last change. */
  readonly severity: AlertSeverity;
  readonly service: string | undefined;
  /** The summary at the time at which the alert fired. */
  readonly summary: string | undefined;
  readonly firedAt: Date;
  /** Undefined if the alert is still active. */
  readonly until: Date | undefined;
}

/** Alerts, rules, silences, objectives, and deploys. Anything outside the caller's scope is treated as missing. */
export interface AlertService extends ObjectiveService, DeployService, ForecastService {
  /**
   * Lists live alerts, highest severity first within each state. If the filter contains the state
   * `resolved`, alerts that were resolved within the last day are included.
   *
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  listAlerts(filter: AlertFilter, scope: TenantScope): Promise<AlertView[]>;
  /**
   * Returns an alert with all its transitions.
   *
   * @throws PS_NOT_FOUND if there is no such alert
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  getHistory(
    id: string,
    scope: TenantScope,
  ): Promise<{ alert: AlertView; transitions: readonly TransitionView[] }>;
  /**
   * Measures the value of an alert over time.
   *
   * @throws PS_NOT_FOUND if there is no such alert
   * @throws PS_REQUEST_INVALID if the step gives too many points
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  getSeries(
    id: string,
    request: SeriesRequest,
    scope: TenantScope,
  ): Promise<AlertSeries & { readonly transitions: readonly TransitionView[] }>;
  /**
   * Lists the alerts that fired in a range, the latest first.
   *
   * @throws PS_UNAVAILABLE if QuestDB is unreachable
   */
  listFired(
    range: TimeRange,
    filter: Pick<AlertFilter, 'service'>,
    scope: TenantScope,
  ): Promise<FiredAlert[]>;
  /** @throws PS_NOT_FOUND if no such alert is firing */
  acknowledge(id: string, comment: string, actor: Actor): AlertView;
  listRules(scope: TenantScope): Promise<RulesView>;
  /** @throws PS_NOT_FOUND if there is no such rule */
  getRule(name: string, scope: TenantScope): Promise<RuleView>;
  listSilences(scope: TenantScope): SilenceView[];
  /** @throws PS_REQUEST_INVALID if the request is invalid, with each problem */
  createSilence(entry: object, tenant: SilenceTenant, actor: Actor): Promise<SilenceView>;
  /** @throws PS_NOT_FOUND if no such silence is active */
  endSilence(id: string, actor: Actor): Promise<SilenceView>;
  /**
   * Subscribes to the changes of visible alerts. The listener first receives the changes after
   * `position` that are still buffered.
   *
   * @returns a function that ends the subscription
   */
  subscribe(
    scope: TenantScope,
    position: string | undefined,
    listener: (change: AlertChange) => void,
  ): () => void;
}

/**
 * Converts an alert for a caller with `scope`. Callers without access to hosts don't see the label of
 * the host.
 *
 * @param publicUrl address of the server for the link to the runbook, if it is known
 */
export function toAlertView(
  { startedMs, firedMs, changedMs, ...alert }: Alert,
  suppressions: readonly Suppression[],
  { hosts }: TenantScope,
  publicUrl: string | undefined,
  incidentId?: string | undefined,
): AlertView {
  return {
    ...alert,
    incidentId,
    runbook: toRunbookLink(alert.runbook, publicUrl),
    labels: hosts ? alert.labels : toReadableLabels(alert.labels),
    startedAt: new Date(startedMs),
    firedAt: toDate(firedMs),
    changedAt: new Date(changedMs),
    held: suppressions.map((suppression) => toSuppressionView(suppression, hosts)),
  };
}

export function toTransitionView(transition: Transition): TransitionView {
  const { timestamp, seq, state, severity, value, threshold } = transition;
  const { cause, author, comment } = transition;
  return {
    at: new Date(timestamp),
    seq,
    state,
    severity,
    value,
    threshold,
    cause,
    author,
    comment,
  };
}

/** Reasons whose `by` is the key of a notification group. */
const GROUP_REASONS: ReadonlySet<Suppression['reason']> = new Set([
  'group_wait',
  'group_interval',
  'duplicate',
  'never_told',
]);

function toSuppressionView(
  { reason, by, detail, untilMs }: Suppression,
  hosts: boolean,
): SuppressionView {
  const text = GROUP_REASONS.has(reason) ? formatGroupKey(by, hosts) : by;
  return { reason, by: text, detail, until: toDate(untilMs) };
}

/** Formats the labels of a notification group. Labels that the group's alerts don't have are omitted. */
function formatGroupKey(key: string, hosts: boolean): string {
  const all = JSON.parse(key) as Labels;
  const labels = Object.entries(hosts ? all : toReadableLabels(all));
  const texts = labels.flatMap(([name, value]) => (value === '' ? [] : [`${name}=${value}`]));
  return texts.join(', ') || 'alerts without group labels';
}

export function toSilenceView(silence: Silence): SilenceView {
  const { id, kind, matchers, startsMs, endsMs, recurrence, author, comment } = silence;
  return {
    id,
    kind,
    recurrence,
    author,
    comment,
    matchers: matchers.map(({ text }) => text),
    startsAt: toDate(startsMs),
    endsAt: toDate(endsMs),
    organizationId: silence.organization,
    propertyId: silence.property,
  };
}

/** Returns `undefined` for infinite times: maintenance windows can have no start or end. */
function toDate(ms: number | undefined): Date | undefined {
  return ms !== undefined && Number.isFinite(ms) ? new Date(ms) : undefined;
}
