import { z } from 'zod';
import { duration, labels, name } from '../../entries/fields.ts';
import { PerformanceMetricType } from '../../schema/metric-type.ts';
import { SEVERITIES } from '../../schema/severity.ts';
import { dimension, runbook } from './fields.ts';
import { AGGREGATES, type Aggregate, INTERNAL_FIGURES, type InternalFigure } from './words.ts';

const measure = z.strictObject({
  type: z.enum(PerformanceMetricType).optional(),
  aggregate: z.enum(Object.keys(AGGREGATES) as [Aggregate, ...Aggregate[]]),
  filter: z
    .partialRecord(
      dimension,
      z.union([z.string(), z.array(z.string()).min(1)], 'must be a text or a list of texts'),
    )
    .default({}),
  groupBy: z.array(dimension).default([]),
  window: duration.default(300_000),
  slowerThan: duration.optional(),
  baseline: duration.optional(),
});
export type MeasureEntry = z.output<typeof measure>;

const severity = z.enum(SEVERITIES);
const thresholds = z.partialRecord(severity, z.number());
export type Thresholds = z.output<typeof thresholds>;

const RECOVERY = 'must be a number, or a share of the first threshold such as `90%`';
const recovery = z.union([z.number(), z.string().regex(/^\d+(\.\d+)?%$/, RECOVERY)], RECOVERY);

const count = z.int().min(0);

const tenant = z.strictObject({
  organization: z.string().min(1),
  property: z.string().min(1).optional(),
  enabled: z.boolean().default(true),
  thresholds: thresholds.optional(),
  recovery: recovery.optional(),
  minimumCount: count.optional(),
});
export type TenantEntry = z.output<typeof tenant>;

/** One rule as a file says it, after files and environment have been merged. */
export const ruleEntry = z.strictObject({
  name,
  enabled: z.boolean().default(true),
  measure: measure.optional(),
  sql: z.string().max(20_000).optional(),
  internal: z
    .enum(Object.keys(INTERNAL_FIGURES) as [InternalFigure, ...InternalFigure[]])
    .optional(),
  /** Of SQL rules; a measure has its own. */
  window: duration.optional(),
  direction: z.enum(['above', 'below']).default('above'),
  thresholds: thresholds.default({}),
  recovery: recovery.optional(),
  for: duration.default(0),
  keepFiringFor: duration.default(0),
  minimumCount: count.default(0),
  noData: z.enum(['ok', 'keep', 'alert']).default('ok'),
  noDataAfter: duration.default(300_000),
  noDataSeverity: severity.optional(),
  target: z.boolean().default(false),
  labels: labels.default({}),
  annotations: z.record(z.string().max(100), z.string().max(4096)).default({}),
  runbook: runbook.optional(),
  tenants: z.array(tenant).max(1000).default([]),
});
export type RuleEntry = z.output<typeof ruleEntry>;
