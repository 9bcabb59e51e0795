import { MAX_LEVEL } from './overhead-level.ts';

/** What the agent uses. */
export interface OverheadUsage {
  /** CPU time, as a share of one core from 0 to 1. */
  readonly cpu: number;
  /** In bytes. */
  readonly memory: number;
}

export interface BudgetState {
  /** See `OverheadLevel`. */
  readonly level: number;
  /** Number of consecutive measurements above the limits. */
  readonly over: number;
  /** Number of consecutive measurements with room. */
  readonly calm: number;
  /** Value of `calm` at which the level decreases. Doubles if a decrease was too early. */
  readonly calmNeeded: number;
}

/** A single measurement above the limits, for example while the application starts, changes nothing. */
const OVER_NEEDED = 2;
const MIN_CALM = 6;
/** One hour, with the default interval. */
const MAX_CALM = 360;
/** The agent has room if it uses less than this share of its limits. */
const ROOM = 0.5;

export const INITIAL_BUDGET: BudgetState = { level: 0, over: 0, calm: 0, calmNeeded: MIN_CALM };

/**
 * Returns the next state after a measurement. The level increases by one after two measurements above a limit, and
 * decreases by one after several measurements below half of both limits. Between these values, it doesn't change.
 *
 * @param limits above these values, the agent must record less. Above 0.
 */
export function updateBudget(
  state: BudgetState,
  usage: OverheadUsage,
  limits: OverheadUsage,
): BudgetState {
  const load = Math.max(usage.cpu / limits.cpu, usage.memory / limits.memory);
  if (load > 1) return addOver(state);
  if (load > ROOM) return { ...state, over: 0, calm: 0 };
  const calm = Math.min(state.calm + 1, MAX_CALM);
  if (state.level === 0) {
    const calmNeeded = calm === MAX_CALM ? MIN_CALM : state.calmNeeded;
    return { ...state, over: 0, calm, calmNeeded };
  }
  if (calm < state.calmNeeded) return { ...state, over: 0, calm };
  const calmNeeded = Math.min(2 * state.calmNeeded, MAX_CALM);
  return { level: state.level - 1, over: 0, calm: 0, calmNeeded };
}

function addOver(state: BudgetState): BudgetState {
  const over = state.over + 1;
  if (over < OVER_NEEDED || state.level === MAX_LEVEL) return { ...state, over, calm: 0 };
  return { ...state, level: state.level + 1, over: 0, calm: 0 };
}
