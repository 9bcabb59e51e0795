import type { Retention } from '../../src/schema/retention.ts';

/** The settings' defaults. */
export const RETENTION: Retention = { rawDays: 30, minuteDays: 90, hourDays: 730 };
