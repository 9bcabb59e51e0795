import { MINUTE_MS } from '../duration.ts';

/** One comparison after a deploy, and its part of the total error probability. */
interface Look {
  /** Time since the start of the deploy, in ms. */
  readonly afterMs: number;
  readonly alpha: number;
}

/** Probability that a deploy without a regression gets any finding, over all looks. */
export const DEPLOY_ALPHA = 0.001;
/** Requests in this time after the start of the deploy are ignored, because new processes are slower. */
export const WARM_UP_MS = 2 * MINUTE_MS;

const SHARES = [
  [3, 0.02],
  [5, 0.45],
  [10, 0.2],
  [20, 0.15],
  [30, 0.1],
  [60, 0.08],
] as const;

/**
 * The times of the comparisons after a deploy. Each of them can be wrong, so they share the error probability of
 * the deploy (alpha spending with fixed looks).
 */
export const DEPLOY_LOOKS: readonly Look[] = SHARES.map(([minutes, share]) => ({
  afterMs: minutes * MINUTE_MS,
  alpha: share * DEPLOY_ALPHA,
}));

/** Time after which a deploy has had its last look, in ms. */
export const LAST_LOOK_MS = DEPLOY_LOOKS.at(-1)!.afterMs;

/** Returns the index of the newest look that is due, or -1. */
export function findDueLook(elapsedMs: number): number {
  return DEPLOY_LOOKS.findLastIndex(({ afterMs }) => elapsedMs >= afterMs);
}
