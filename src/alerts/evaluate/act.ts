import type { GroupState } from './group-state.ts';
import type { Step } from './settle.ts';
import { followed } from './transition.ts';

/**
 * Somebody takes a firing alert on, or comments on it again.
 *
 * @returns undefined when the group has no alert that fires
 */
export function acknowledge(
  state: GroupState,
  by: { readonly author: string; readonly comment: string },
  now: number,
): Step | undefined {
  const { alert } = state;
  if (!alert || alert.state === 'pending') return undefined;
  const { severity, value, threshold } = alert;
  const { author, comment } = by;
  const change = { state: 'acknowledged', severity, value, threshold, author, comment } as const;
  const next = followed(alert, now, change);
  return { state: { ...state, alert: next }, transitions: [next] };
}

/**
 * Adds the first explanation once it is known. The transition is the same row (same keys), to be
 * written again; later transitions of the alert carry it on.
 *
 * @returns undefined when the group has no alert now
 */
export function explained(state: GroupState, cause: string): Step | undefined {
  if (!state.alert) return undefined;
  const alert = { ...state.alert, cause };
  return { state: { ...state, alert }, transitions: [alert] };
}
