import type { PerformanceMetricType } from '../../../core/schema/enums.ts';
import type { Dimension } from '../../../storage/queries/query-definition.ts';
import type { Aggregate } from '../rules/rule-aggregates.ts';

/** A `measure` of a rule, before its names are converted for users. */
export interface MeasureSource {
  readonly kind: 'measure';
  readonly type: PerformanceMetricType | undefined;
  readonly aggregate: Aggregate;
  readonly filter: Readonly<Partial<Record<Dimension, readonly string[]>>>;
  readonly groupBy: readonly Dimension[];
  readonly windowMs: number;
  readonly slowerThanMs?: number;
}

/** A SQL rule, for values that no `measure` has. */
export interface SqlSource {
  readonly kind: 'sql';
  readonly sql: string;
  /** Labels of the result. */
  readonly labels: readonly string[];
  /** Type of the operations that the column `count` counts. Undefined without this column. */
  readonly countedType?: PerformanceMetricType | undefined;
  readonly windowMs: number;
}

/** What a PromQL expression measures, in Perfscope. */
export interface Quantity {
  readonly source: MeasureSource | SqlSource;
  /** The value in Perfscope is `scale` × the PromQL value + `offset`. */
  readonly scale: number;
  readonly offset: number;
  /** Unit of the value in Perfscope. */
  readonly unit: 'ms' | '%' | '1/min' | 'By' | '1' | 'unknown';
  /** Whether values are whole numbers. */
  readonly isWhole?: boolean;
  /** Whether a group without operations has no value, while PromQL has the value 0. */
  readonly isMissingAtZero?: boolean;
  /** Labels with one value, from `=` matchers, by their names in Prometheus. */
  readonly constants: Readonly<Record<string, string>>;
  /** Assumptions, such as which metric replaces another metric. */
  readonly notes: readonly string[];
  /** Differences in meaning: the rule can fire for other series. */
  readonly warnings: readonly string[];
}

/** Default of Prometheus for how old the newest sample of a gauge can be. */
export const LOOKBACK_MS = 300_000;

/** An expression that can't be translated. */
export class UntranslatableError extends Error {
  override readonly name = 'UntranslatableError';
  /** What the user can do instead. */
  readonly alternative: string;

  constructor(reason: string, alternative: string) {
    super(reason);
    this.alternative = alternative;
  }
}

/** What to do with a rule about metrics that Perfscope doesn't have. */
export const KEEP_IN_PROMETHEUS =
  'keep the rule in Prometheus, and let Prometheus send its alerts to Perfscope (docs/migrate.md)';

/** Changes a quantity so that it has the value `factor` × value + `summand` in PromQL. */
export function transformQuantity(quantity: Quantity, factor: number, summand: number): Quantity {
  if (factor === 0 || !Number.isFinite(factor) || !Number.isFinite(summand)) {
    throw new UntranslatableError(
      'the expression multiplies or divides by 0',
      'correct the expression',
    );
  }
  const scale = quantity.scale / factor;
  return {
    ...quantity,
    scale,
    offset: quantity.offset - scale * summand,
    isWhole: quantity.isWhole === true && factor === 1 && Number.isInteger(summand),
  };
}
