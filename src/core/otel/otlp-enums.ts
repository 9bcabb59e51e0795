import type { OtelTemporality } from './metric-data.ts';

/** Values of the enum `AggregationTemporality`. */
export const TEMPORALITY_NUMBERS: Readonly<Record<OtelTemporality, number>> = {
  unspecified: 0,
  delta: 1,
  cumulative: 2,
};

/** Bit in the flags of a point: `DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK`. */
export const NO_RECORDED_VALUE = 1;
