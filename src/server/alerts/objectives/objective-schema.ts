import { z } from 'zod';
import { durationSchema, nameSchema } from '../../../core/config-files/config-validation.ts';
import { PerformanceMetricType } from '../../../core/schema/enums.ts';
import { DIMENSIONS } from '../../../storage/queries/query-definition.ts';
import {
  OBJECTIVE_ALERTS,
  OBJECTIVE_KINDS,
  OBJECTIVE_PERIODS,
  type ObjectiveKind,
} from './objective.ts';

const dimensionSchema = z.enum(DIMENSIONS);

const NO_BUDGET =
  'must be at most 99.9999: a target of 100 % allows no failures, so it has no error budget';
const targetSchema = z
  .number()
  .gt(0, 'must be greater than 0: it is the required percentage of good events')
  .refine((target) => target <= 0 || target >= 1, {
    error: ({ input }) =>
      `must be a percentage of at least 1, not \`${String(input)}\`; did you mean \`${toPercent(input)}\`?`,
  })
  .lte(99.9999, NO_BUDGET);

/** Converts a share such as 0.995 to a percentage without rounding errors. */
function toPercent(share: unknown): number {
  return Number((100 * Number(share)).toPrecision(12));
}

const overrideSchema = z.strictObject({
  organization: z.string().min(1),
  property: z.string().min(1).optional(),
  enabled: z.boolean().default(true),
  target: targetSchema.optional(),
  threshold: durationSchema.optional(),
});

/** One objective after all files have been merged. */
export const objectiveSchema = z.strictObject({
  name: nameSchema,
  enabled: z.boolean().default(true),
  description: z.string().max(4096).optional(),
  kind: z.enum(Object.keys(OBJECTIVE_KINDS) as [ObjectiveKind, ...ObjectiveKind[]]),
  type: z.enum(PerformanceMetricType).optional(),
  target: targetSchema,
  window: z.enum(OBJECTIVE_PERIODS).default('30d'),
  threshold: durationSchema.optional(),
  filter: z
    .partialRecord(
      dimensionSchema,
      z.union([z.string(), z.array(z.string()).min(1)], 'must be a string or a list of strings'),
    )
    .default({}),
  groupBy: z.array(dimensionSchema).default([]),
  alerts: z.enum(OBJECTIVE_ALERTS).default('page'),
  minimumBadEvents: z.int().min(1).max(1_000_000).optional(),
  tenants: z.array(overrideSchema).max(1000).default([]),
});
export type ObjectiveConfig = z.output<typeof objectiveSchema>;
