import { AlertSeverity } from '../../../core/schema/enums.ts';
import type { Message, MessageAlert } from '../channels/channel.ts';
import type { RateLimit } from '../config/notification-config.ts';
import type { JournalEntries } from '../delivery/notification-journal.ts';
import { type Target, toTargetKey } from '../routing/notification-target.ts';
import type { PlannedMessage } from './group-messages.ts';

/** An alert that waits for a summary, with the thread of its message. */
export interface HeldAlert {
  readonly alert: MessageAlert;
  readonly target: Target;
  readonly groupKey: string;
}

/**
 * The recent messages to one recipient, and the alerts that wait for the next summary. Times are in ms
 * since the epoch. The state is stored in the journal, so field names must not change.
 */
export interface RecipientState {
  /** Times of the messages that count toward the limit. */
  readonly sentMs: readonly number[];
  /** Times of the urgent messages beyond the limit. */
  readonly urgentMs: readonly number[];
  /** When each critical subject was last sent. */
  readonly criticalMs: Readonly<Record<string, number>>;
  /** By alert ID. */
  readonly held: Readonly<Record<string, HeldAlert>>;
}

export const NEW_RECIPIENT: RecipientState = { sentMs: [], urgentMs: [], criticalMs: {}, held: {} };

/** Number of urgent messages beyond the limit, per period of the limit. */
const MAX_URGENT_MESSAGES = 5;
/** If that number is reached, further critical alerts wait this long, and share one summary. */
const URGENT_SUMMARY_INTERVAL_MS = 60_000;

/**
 * Decides whether to send a message now. Otherwise, its alerts are added to the next summary. The first
 * message about a critical alert is urgent: it can exceed the limit.
 */
export function admitMessage(
  before: RecipientState,
  { message, target }: Pick<PlannedMessage, 'message' | 'target'>,
  limit: RateLimit,
  now: number,
): { readonly state: RecipientState; readonly isSent: boolean } {
  const state = pruneRecipient(before, limit, now);
  const isWaiting = Object.keys(state.held).length > 0;
  const isUrgent = message.alerts.some((alert) => isNewCritical(alert, message.kind, state));
  if (!isWaiting && state.sentMs.length < limit.messages) {
    const sentMs = [...state.sentMs, now];
    return { state: recordSent({ ...state, sentMs }, message.alerts, now), isSent: true };
  }
  if (isUrgent && state.urgentMs.length < MAX_URGENT_MESSAGES) {
    const urgentMs = [...state.urgentMs, now];
    return { state: recordSent({ ...state, urgentMs }, message.alerts, now), isSent: true };
  }
  const added = message.alerts.map((alert): [string, HeldAlert] => [
    alert.id,
    { alert, target, groupKey: message.groupKey },
  ]);
  return {
    state: { ...state, held: { ...state.held, ...Object.fromEntries(added) } },
    isSent: false,
  };
}

/** Returns the alerts of the summary that is due now. Empty if none is due. */
export function takeSummary(
  before: RecipientState,
  limit: RateLimit,
  now: number,
): { readonly state: RecipientState; readonly alerts: readonly HeldAlert[] } {
  const state = pruneRecipient(before, limit, now);
  const alerts = Object.values(state.held);
  if (alerts.length === 0) return { state, alerts };
  const taken = recordSent(
    { ...state, held: {} },
    alerts.map(({ alert }) => alert),
    now,
  );
  if (state.sentMs.length < limit.messages) {
    return { state: { ...taken, sentMs: [...state.sentMs, now] }, alerts };
  }
  const lastMs = Math.max(...state.sentMs, ...state.urgentMs);
  const isUrgent = alerts.some(({ alert }) => isNewCritical(alert, 'route', state));
  if (isUrgent && now - lastMs >= URGENT_SUMMARY_INTERVAL_MS) {
    return { state: { ...taken, urgentMs: [...state.urgentMs, now] }, alerts };
  }
  return { state, alerts: [] };
}

function pruneRecipient(state: RecipientState, { perMs }: RateLimit, now: number): RecipientState {
  // If the clock was set back, later times count as old.
  const isRecent = (ms: number) => ms <= now && ms > now - perMs;
  const { sentMs, urgentMs, criticalMs } = state;
  return {
    ...state,
    sentMs: sentMs.filter(isRecent),
    urgentMs: urgentMs.filter(isRecent),
    criticalMs: Object.fromEntries(Object.entries(criticalMs).filter(([, ms]) => isRecent(ms))),
  };
}

/**
 * Records the alerts of a message. A held alert that is resolved still waits for the summary. Without an
 * earlier message, the deliverer doesn't send its resolution.
 */
function recordSent(
  state: RecipientState,
  alerts: readonly MessageAlert[],
  now: number,
): RecipientState {
  const sentIds = new Set(alerts.filter(({ state }) => state !== 'resolved').map(({ id }) => id));
  const resolved = new Map(
    alerts.filter(({ state }) => state === 'resolved').map((alert) => [alert.id, alert]),
  );
  const held = Object.entries(state.held)
    .filter(([id]) => !sentIds.has(id))
    .map(([id, each]) => [id, { ...each, alert: resolved.get(id) ?? each.alert }]);
  const criticals = alerts.filter(isCritical).map((alert) => [toSubjectKey(alert), now]);
  return {
    ...state,
    criticalMs: { ...state.criticalMs, ...Object.fromEntries(criticals) },
    held: Object.fromEntries(held),
  };
}

/** An alert that fires again after a short time isn't new. Escalation levels are always new. */
function isNewCritical(alert: MessageAlert, kind: Message['kind'], state: RecipientState): boolean {
  if (!isCritical(alert)) return false;
  return kind === 'escalation' || state.criticalMs[toSubjectKey(alert)] === undefined;
}

function isCritical({ severity, state }: MessageAlert): boolean {
  return severity === AlertSeverity.CRITICAL && state === 'firing';
}

/** Returns a key of a rule's group. All alerts of the group have the same key. */
function toSubjectKey({ rule, labels }: MessageAlert): string {
  return JSON.stringify([rule, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

const JOURNAL_KIND = 'l';
const JOURNAL_PREFIX = `${JOURNAL_KIND}:`;

/** Returns the limit of a target, or undefined if its messages are not limited. */
type GetLimit = (target: Target) => RateLimit | undefined;

interface StoredRecipient extends RecipientState {
  readonly target: Target;
}

/** Limits the messages per recipient and channel. The state is stored in the journal. */
export class RecipientLimiter {
  readonly #journal: JournalEntries;

  constructor(journal: JournalEntries) {
    this.#journal = journal;
  }

  /** Returns the messages to send now, and the messages whose alerts wait for a summary. */
  admit(
    planned: readonly PlannedMessage[],
    getLimit: GetLimit,
    now: number,
  ): { readonly sent: readonly PlannedMessage[]; readonly held: readonly PlannedMessage[] } {
    const sent: PlannedMessage[] = [];
    const held: PlannedMessage[] = [];
    for (const each of planned) {
      const { target, message } = each;
      const isLimited = message.kind === 'route' || message.kind === 'escalation';
      const limit = isLimited ? getLimit(target) : undefined;
      if (!limit) {
        sent.push(each);
        continue;
      }
      const key = JOURNAL_PREFIX + toRecipientKey(target);
      const before = (this.#journal.get(key) as StoredRecipient | undefined) ?? NEW_RECIPIENT;
      const { state, isSent } = admitMessage(before, each, limit, now);
      this.#journal.put(key, { ...state, target });
      (isSent ? sent : held).push(each);
    }
    return { sent, held };
  }

  /** Removes and returns the alerts of each summary that is due. */
  takeDue(getLimit: GetLimit, now: number): (readonly HeldAlert[])[] {
    return this.#journal.entries(JOURNAL_KIND).flatMap(([key, value]) => {
      const { target, ...before } = value as StoredRecipient;
      const limit = getLimit(target) ?? { messages: Number.POSITIVE_INFINITY, perMs: 0 };
      const { state, alerts } = takeSummary(before, limit, now);
      const { sentMs, urgentMs, held } = state;
      if (sentMs.length + urgentMs.length + Object.keys(held).length === 0) {
        this.#journal.delete(key);
      } else if (alerts.length > 0) this.#journal.put(key, { ...state, target });
      return alerts.length > 0 ? [alerts] : [];
    });
  }

  /** Returns the IDs of all alerts that wait for a summary. */
  listHeldIds(): string[] {
    return this.#journal
      .entries(JOURNAL_KIND)
      .flatMap(([, value]) => Object.keys((value as StoredRecipient).held));
  }
}

/** Returns the same key for all targets that reach one person over one kind of channel. */
function toRecipientKey(target: Target): string {
  const { kind, person } = target;
  return person === undefined ? toTargetKey(target) : JSON.stringify([kind, person]);
}
