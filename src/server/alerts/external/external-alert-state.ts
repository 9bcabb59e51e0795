import { DAY_MS, MINUTE_MS } from '../../../core/duration.ts';
import type { StateUpdate } from '../evaluation/alert-state-machine.ts';
import { RESOLVE_REASONS } from '../evaluation/alert-texts.ts';
import {
  createExternalTransition,
  createNextTransition,
  type Transition,
} from '../evaluation/alert-transition.ts';
import { createGroupState, type GroupState } from '../evaluation/group-state.ts';
import { toLabelsKey } from '../evaluation/observation.ts';
import type { PostedAlert } from './parse-posted-alerts.ts';

/** Time without a refresh after which an alert without `endsAt` is resolved, as in Alertmanager. */
const RESOLVE_TIMEOUT_MS = 5 * MINUTE_MS;
/** An alert never outlives its last refresh by more than this. */
const MAX_LIFETIME_MS = 7 * DAY_MS;
/** The stored end is updated only in such steps, because Prometheus sends a new end every minute. */
const STORED_END_STEP_MS = 30 * MINUTE_MS;

/**
 * Applies a posted alert to the state of its group. This is a pure function. As in Alertmanager, a repeated
 * alert extends the current alert, and an end in the past resolves it. An alert without an end is
 * resolved {@link RESOLVE_TIMEOUT_MS} after its last refresh.
 *
 * @param state undefined if the group has no alert
 * @param now time in ms since the epoch
 * @returns the new state and at most one transition, or undefined if nothing changes
 */
export function applyPostedAlert(
  state: GroupState | undefined,
  posted: PostedAlert,
  now: number,
): StateUpdate | undefined {
  const isTimeout = posted.endsMs === undefined;
  const expiresMs = Math.min(posted.endsMs ?? now + RESOLVE_TIMEOUT_MS, now + MAX_LIFETIME_MS);
  const alert = state?.alert;
  if (!state || !alert) {
    if (expiresMs <= now) return undefined;
    return openAlert(posted, { ms: expiresMs, isTimeout }, now);
  }
  if (expiresMs <= now) {
    // A late message about the end of an earlier alert of the same group.
    return expiresMs < alert.startedAt ? undefined : resolve(state, alert, alert.cause, now);
  }
  const { expiry } = state;
  const keepsEnd = expiry !== undefined && !expiry.isTimeout && expiry.ms > expiresMs;
  const next = keepsEnd ? expiry : { ms: expiresMs, isTimeout };
  const annotations = JSON.stringify(posted.annotations);
  const refreshed = { ...state, expiry: next, breachedMs: now };
  if (next.ms - (alert.endsAt ?? 0) >= STORED_END_STEP_MS) {
    // The row has the same keys, so it replaces the stored row.
    const stored = { ...alert, annotations, endsAt: next.ms };
    return { state: { ...refreshed, alert: stored }, transitions: [stored] };
  }
  return { state: { ...refreshed, alert: { ...alert, annotations } }, transitions: [] };
}

/**
 * Resolves an alert that wasn't refreshed in time. This is a pure function. After a restart, senders
 * have {@link RESOLVE_TIMEOUT_MS} to refresh their alerts.
 *
 * @param now time in ms since the epoch
 * @returns the new state, or undefined if nothing changes
 */
export function expireExternalAlert(state: GroupState, now: number): StateUpdate | undefined {
  const { alert, expiry } = state;
  if (!alert) return undefined;
  if (!expiry) {
    const timeoutMs = now + RESOLVE_TIMEOUT_MS;
    const ms = Math.max(alert.endsAt ?? 0, timeoutMs);
    const next = { ms, isTimeout: ms === timeoutMs };
    return { state: { ...state, expiry: next, breachedMs: now }, transitions: [] };
  }
  // After a clock jump, the end can be further away than any sender can request.
  if (expiry.ms > now + MAX_LIFETIME_MS) {
    const ms = now + RESOLVE_TIMEOUT_MS;
    return { state: { ...state, expiry: { ms, isTimeout: true } }, transitions: [] };
  }
  return expiry.ms <= now ? resolve(state, alert, RESOLVE_REASONS.notRefreshed, now) : undefined;
}

function openAlert(
  { rule, labels, severity, annotations, startsMs, endsMs }: PostedAlert,
  expiry: NonNullable<GroupState['expiry']>,
  now: number,
): StateUpdate {
  const startedAt = Math.min(startsMs ?? endsMs ?? now, now);
  const alert = createExternalTransition(rule, labels, startedAt, now, {
    severity,
    annotations: JSON.stringify(annotations),
    endsAt: expiry.ms,
  });
  const state = { ...createGroupState(labels), alert, expiry, breachedMs: now, startedMs: now };
  return { state, transitions: [alert] };
}

function resolve(
  state: GroupState,
  alert: Transition,
  cause: string | undefined,
  now: number,
): StateUpdate {
  const { severity } = alert;
  const change = {
    state: 'resolved',
    severity,
    value: undefined,
    threshold: undefined,
    cause,
  } as const;
  const last = createNextTransition(alert, now, change);
  return { state: { ...state, alert: undefined }, transitions: [last] };
}

/** Returns the key of a posted alert's group. */
export function toPostedKey({ labels }: PostedAlert): string {
  return toLabelsKey(labels);
}
