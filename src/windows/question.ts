import type { Scope } from '../schema/scope.ts';
import type { Dimension, Filter } from './dimensions.ts';
import type { Range } from './range.ts';
import type { Step } from './step.ts';

/** Whose rows, of which time, in which groups. */
export interface Question {
  readonly scope: Scope;
  readonly range: Range;
  readonly filter?: Filter | undefined;
  /** Default: everything together. */
  readonly groupBy?: readonly Dimension[] | undefined;
  /** Default: the whole range together. */
  readonly step?: Step | undefined;
  /** Count rows of tests as well. */
  readonly includeTest?: boolean | undefined;
}

/** The groups, and the bucket of time, that a figure is of. */
export function keyOf(group: object, span?: Range): string {
  return JSON.stringify([group, span?.fromMs]);
}
