import type { Dimension } from '../../windows/dimensions.ts';

/** How the figure of a movement is counted, and so how it is shown. */
export type FigureUnit = 'ms' | '%' | '1' | '1/min' | 'By';

/** One figure in the window of a breach, and in the same length of time before it. */
export interface Movement {
  /** What people call it: `p95`, `CPU`, `oldest job`, `requests`. */
  readonly figure: string;
  /** Whose it is; undefined for the subject of the alert itself. */
  readonly subject: { readonly dimension: Dimension; readonly name: string } | undefined;
  readonly before: number | undefined;
  readonly now: number;
  readonly unit: FigureUnit;
  /**
   * `factor` for what is compared with itself (`p95 ×3.1`), `level` for what speaks alone
   * (`CPU 96 %`, `oldest job 4 min`).
   */
  readonly shown: 'factor' | 'level';
}

/** Who makes how much of the figure that is breached: the alert's top contributors. */
export interface Contributor {
  readonly dimension: Dimension;
  readonly name: string;
  /** 0 to 1. */
  readonly share: number;
}

/** What the query layer delivers for one alert, read for its window, tenant, service and host. */
export interface Breach {
  /** The alert's own figure. */
  readonly headline: Movement;
  readonly contributors: readonly Contributor[];
  /** What else there is to compare, moved or not. */
  readonly movements: readonly Movement[];
}
