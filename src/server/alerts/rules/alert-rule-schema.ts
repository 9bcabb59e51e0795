import { z } from 'zod';
import {
  durationSchema,
  labelNameSchema,
  labelsSchema,
  nameSchema,
} from '../../../core/config-files/config-validation.ts';
import { isPlainObject } from '../../../core/config-files/yaml-source.ts';
import { parseDuration } from '../../../core/duration.ts';
import { ALERT_SEVERITIES, PerformanceMetricType } from '../../../core/schema/enums.ts';
import { DIMENSIONS } from '../../../storage/queries/query-definition.ts';
import { BAND_AGGREGATES } from '../../anomalies/band-measure.ts';
import { holidaySchema } from '../../anomalies/holidays.ts';
import { SENSITIVITIES, type Sensitivity } from '../../anomalies/model/band.ts';
import { FORECAST_KINDS } from '../../forecasts/forecast-subject.ts';
import { BURN_RATE_SPEEDS } from '../objectives/burn-rate-windows.ts';
import { CONFIDENCE_LEVELS, type ConfidenceLevel } from './alert-rule.ts';
import {
  AGGREGATES,
  type Aggregate,
  INTERNAL_METRICS,
  type InternalMetric,
} from './rule-aggregates.ts';

const dimensionSchema = z.enum(DIMENSIONS);
/** Metrics also have a name, which a rule can filter by. */
const filterSchema = z.enum([...DIMENSIONS, 'name']);

/** A URL, or a section of `docs/alerts.md`. */
const runbookSchema = z
  .string()
  .refine((text) => /^#[\w-]+$/.test(text) || (URL.canParse(text) && /^https?:/.test(text)), {
    error: 'must be a URL that starts with http:// or https://, or a `#section` of docs/alerts.md',
  });

const measureSchema = z.strictObject({
  type: z.enum(PerformanceMetricType).optional(),
  aggregate: z.enum(Object.keys(AGGREGATES) as [Aggregate, ...Aggregate[]]),
  filter: z
    .partialRecord(
      filterSchema,
      z.union([z.string(), z.array(z.string()).min(1)], 'must be a string or a list of strings'),
    )
    .default({}),
  groupBy: z.array(dimensionSchema).default([]),
  window: durationSchema.default(300_000),
  slowerThan: durationSchema.optional(),
  baseline: durationSchema.optional(),
  minimumIncrease: z.number().min(0).optional(),
  /** Only for `anomaly`: the aggregate whose normal values are learned. */
  of: z.enum(BAND_AGGREGATES).optional(),
  sensitivity: z.enum(Object.keys(SENSITIVITIES) as [Sensitivity, ...Sensitivity[]]).optional(),
});
export type MeasureConfig = z.output<typeof measureSchema>;

const severitySchema = z.enum(ALERT_SEVERITIES);
const thresholdsSchema = z.partialRecord(severitySchema, z.number());
export type ThresholdsConfig = z.output<typeof thresholdsSchema>;

const RECOVERY_ERROR = 'must be a number, or a percentage of the first threshold such as `90%`';
const recoverySchema = z.union(
  [z.number(), z.string().regex(/^\d+(\.\d+)?%$/, RECOVERY_ERROR)],
  RECOVERY_ERROR,
);

const countSchema = z.int().min(0);

const tenantOverrideSchema = z.strictObject({
  organization: z.string().min(1),
  property: z.string().min(1).optional(),
  enabled: z.boolean().default(true),
  thresholds: thresholdsSchema.optional(),
  recovery: recoverySchema.optional(),
  minimumCount: countSchema.optional(),
});
export type TenantOverrideConfig = z.output<typeof tenantOverrideSchema>;

/** One rule with thresholds in its unit. */
const ruleSchema = z.strictObject({
  name: nameSchema,
  enabled: z.boolean().default(true),
  measure: measureSchema.optional(),
  sql: z.string().max(20_000).optional(),
  internal: z
    .enum(Object.keys(INTERNAL_METRICS) as [InternalMetric, ...InternalMetric[]])
    .optional(),
  /** The windows in which the rule checks the burn rates of all objectives. */
  burnRate: z.enum(BURN_RATE_SPEEDS).optional(),
  /** Regressions that the comparison of versions confirmed. */
  deploy: z.enum(['duration', 'errors']).optional(),
  /** Times until subjects of this kind reach their limits. Thresholds are durations, such as `3d`. */
  forecast: z.enum(FORECAST_KINDS).optional(),
  /** Only for SQL rules. A measure contains its own window. */
  window: durationSchema.optional(),
  /** `both` only for `anomaly`. */
  direction: z.enum(['above', 'below', 'both']).default('above'),
  thresholds: thresholdsSchema.default({}),
  recovery: recoverySchema.optional(),
  for: durationSchema.default(0),
  keepFiringFor: durationSchema.default(0),
  minimumCount: countSchema.default(0),
  confidence: z
    .enum(Object.keys(CONFIDENCE_LEVELS) as [ConfidenceLevel, ...ConfidenceLevel[]])
    .optional(),
  minimumCoverage: durationSchema.optional(),
  noData: z.enum(['ok', 'keep', 'alert']).default('ok'),
  noDataAfter: durationSchema.default(300_000),
  noDataSeverity: severitySchema.optional(),
  noDataMinimumAge: durationSchema.default(0),
  target: z.boolean().default(false),
  labels: labelsSchema.default({}),
  annotations: z.record(z.string().max(100), z.string().max(4096)).default({}),
  runbook: runbookSchema.optional(),
  tenants: z.array(tenantOverrideSchema).max(1000).default([]),
});
export type AlertRuleConfig = z.output<typeof ruleSchema>;

/** One rule after files and environment have been merged. */
export const alertRuleSchema = z.preprocess(parseForecastThresholds, ruleSchema);

/** Converts the thresholds of a rule about forecasts to ms. All other rules have numbers. */
function parseForecastThresholds(data: unknown): unknown {
  if (!isPlainObject(data) || data.forecast === undefined || !isPlainObject(data.thresholds)) {
    return data;
  }
  const thresholds = Object.entries(data.thresholds).map(([severity, threshold]) => [
    severity,
    typeof threshold === 'string' ? (parseDuration(threshold) ?? threshold) : threshold,
  ]);
  return { ...data, thresholds: Object.fromEntries(thresholds) };
}

/** The top level of a rules file. Later files override earlier files. */
export const alertRulesFileSchema = z.strictObject({
  interval: durationSchema.optional(),
  notifications: z
    .strictObject({
      groupBy: z.array(labelNameSchema).optional(),
      groupWait: durationSchema.optional(),
      groupInterval: durationSchema.optional(),
      repeatInterval: durationSchema.optional(),
    })
    .optional(),
  flapping: z
    .strictObject({ transitions: z.int().min(3).optional(), window: durationSchema.optional() })
    .optional(),
  /** Days that aren't comparable with other days. */
  holidays: z.array(holidaySchema).max(1000).optional(),
  rules: z.array(z.unknown()).optional(),
  objectives: z.array(z.unknown()).optional(),
  inhibit: z.array(z.unknown()).optional(),
  maintenance: z.array(z.unknown()).optional(),
});
export type AlertRulesFileConfig = z.output<typeof alertRulesFileSchema>;
