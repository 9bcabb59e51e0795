import type { Retention } from '../../src/core/schema/rollup-definitions.ts';

/** Default retention of the settings. */
export const DEFAULT_RETENTION: Retention = { rawDays: 30, minuteDays: 90, hourDays: 730 };
