import type { Alert, AlertBase, Labels, Suppression } from '../../../core/alerts/alert.ts';
import type { AlertSeverity } from '../../../core/schema/enums.ts';
import type { AlertState } from '../../../core/schema/tables/alerts-table.ts';
import type { TenantScope } from '../../../core/tenant-scope.ts';
import type { Silence } from '../suppression/silence.ts';

/** Why an alert is not told now. */
interface SuppressionView {
  readonly reason: string;
  /** What holds it: a silence's id, an inhibition's name, another alert's id, a group's key. */
  readonly by: string;
  readonly detail: string;
  readonly until: Date | undefined;
}

/** An alert, as the API shows it. */
export interface AlertView extends AlertBase {
  readonly startedAt: Date;
  readonly firedAt: Date | undefined;
  readonly changedAt: Date;
  readonly held: readonly SuppressionView[];
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

export interface RuleView {
  readonly name: string;
  /** The worst that one of its visible alerts is. */
  readonly state: 'inactive' | 'pending' | 'firing';
  readonly alerts: number;
  readonly thresholds: readonly { readonly severity: AlertSeverity; readonly threshold: number }[];
  readonly direction: 'above' | 'below';
  readonly labels: Labels;
  readonly runbook: string | undefined;
  /** Time in ms. */
  readonly for: number;
  readonly interval: number;
  readonly evaluatedAt: Date | undefined;
  readonly durationMs: number | undefined;
  readonly error: string | undefined;
  readonly failures: number;
  readonly target: boolean;
  /** Of a target: share in percent of the last day in which it was met. */
  readonly met: number | undefined;
}

interface RulesView {
  readonly rules: readonly RuleView[];
  readonly file: string | undefined;
  readonly loadedAt: Date;
  /** What is wrong with the file now, as `file:line:column: message`; the rules before it run on. */
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

/** A change of an alert, and where it stands among all changes. */
interface AlertChange {
  readonly position: string;
  readonly alert: AlertView;
}

/** Only alerts with one of the named values. */
export interface AlertFilter {
  readonly state?: readonly AlertState[] | undefined;
  readonly severity?: readonly AlertSeverity[] | undefined;
  readonly service?: readonly string[] | undefined;
  readonly rule?: readonly string[] | undefined;
}

/** Who acts, and on whose alerts. */
interface Actor {
  readonly author: string;
  readonly scope: TenantScope;
}

/** Whose a silence is to be, where the actor has several to choose from. */
export interface SilenceTenant {
  readonly organizationId?: string | undefined;
  readonly propertyId?: string | undefined;
}

/** Where alerts are read and acted on. What the scope does not show is not there. */
export interface AlertService {
  /**
   * Those that go on, the worst first; with the state `resolved` asked for, also those that ended
   * within a day. @throws PS_UNAVAILABLE
   */
  listAlerts(filter: AlertFilter, scope: TenantScope): Promise<AlertView[]>;
  /** @throws PS_NOT_FOUND, PS_UNAVAILABLE */
  getHistory(
    id: string,
    scope: TenantScope,
  ): Promise<{ alert: AlertView; transitions: readonly TransitionView[] }>;
  /** @throws PS_NOT_FOUND when no such alert fires */
  acknowledge(id: string, comment: string, actor: Actor): AlertView;
  listRules(scope: TenantScope): Promise<RulesView>;
  listSilences(scope: TenantScope): SilenceView[];
  /** @throws PS_REQUEST_INVALID saying what is wrong */
  createSilence(entry: object, tenant: SilenceTenant, actor: Actor): Promise<SilenceView>;
  /** @throws PS_NOT_FOUND */
  endSilence(id: string, actor: Actor): Promise<SilenceView>;
  /**
   * Hears of every change of a visible alert from now on, and first of those behind `position` as
   * far as they are still known. @returns what ends it
   */
  subscribe(
    scope: TenantScope,
    position: string | undefined,
    hear: (change: AlertChange) => void,
  ): () => void;
}

export function toAlertView(
  { startedMs, firedMs, changedMs, ...alert }: Alert,
  held: readonly Suppression[],
): AlertView {
  return {
    ...alert,
    startedAt: new Date(startedMs),
    firedAt: toDate(firedMs),
    changedAt: new Date(changedMs),
    held: held.map(toSuppressionView),
  };
}

function toSuppressionView({ reason, by, detail, untilMs }: Suppression): SuppressionView {
  return { reason, by, detail, until: toDate(untilMs) };
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

/** Windows of a file may have no begin and no end. */
function toDate(ms: number | undefined): Date | undefined {
  return ms !== undefined && Number.isFinite(ms) ? new Date(ms) : undefined;
}
