import type { AlertState } from '../../schema/alerts.ts';
import type { Escalation } from '../plan/plan.ts';

/** How far an alert has been escalated. Times in ms since the epoch. */
export interface Escalating {
  /** When the alert was told first. */
  readonly startedMs: number;
  /** Levels that have been told; 0 before the first. */
  readonly level: number;
  /** When the last of them was told last, and how often it was. */
  readonly toldMs: number;
  readonly times: number;
}

export interface EscalationStep {
  /** Undefined: it has ended, because somebody has taken the alert on, or it is over. */
  readonly state: Escalating | undefined;
  /** The level to tell now, counted from 1. */
  readonly tell: number | undefined;
}

export function beginEscalating(now: number): Escalating {
  return { startedMs: now, level: 0, toldMs: now, times: 0 };
}

/**
 * What is due at `now`. Of several levels that are due at once, as after a restart, only the highest
 * is told: those below had their time.
 *
 * @param alertState undefined of an alert that is not known any more
 */
export function stepEscalation(
  state: Escalating,
  { levels }: Escalation,
  alertState: AlertState | undefined,
  now: number,
): EscalationStep {
  if (alertState !== 'firing') return { state: undefined, tell: undefined };
  const due = levels.findLastIndex(({ afterMs }) => now >= state.startedMs + afterMs) + 1;
  if (due > state.level) {
    return { state: { ...state, level: due, toldMs: now, times: 1 }, tell: due };
  }
  const current = levels[state.level - 1];
  if (!current?.repeatMs || now < state.toldMs + current.repeatMs)
    return { state, tell: undefined };
  if (current.times !== undefined && state.times >= current.times) {
    return { state, tell: undefined };
  }
  return { state: { ...state, toldMs: now, times: state.times + 1 }, tell: state.level };
}
