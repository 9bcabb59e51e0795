import { z } from 'zod';
import { DAY_MS } from '../../../core/duration.ts';
import { PerformanceMetricType } from '../../../core/schema/enums.ts';
import { MAX_NAME_LENGTH } from '../../../core/schema/table-definition.ts';
import { COMPARISONS } from '../../../storage/queries/comparison.ts';
import type { Dimension, Group } from '../../../storage/queries/query-definition.ts';

/** Maps the names in requests and responses to dimensions. */
const DIMENSION_BY_NAME = {
  service: 'service',
  version: 'version',
  environment: 'environment',
  instance: 'instance',
  endpoint: 'endpoint',
  operation: 'operation',
  queue: 'queue',
  queueScope: 'queueScope',
  organizationId: 'organization',
  propertyId: 'property',
} as const satisfies Record<string, Dimension>;

export type DimensionName = keyof typeof DIMENSION_BY_NAME;
export const DIMENSION_NAMES = Object.keys(DIMENSION_BY_NAME) as [
  DimensionName,
  ...DimensionName[],
];

/** Dimensions of metrics. With `name`, each metric is a separate group. */
export const METRIC_DIMENSION_NAMES = [...DIMENSION_NAMES, 'name'] as const;
export type MetricDimensionName = (typeof METRIC_DIMENSION_NAMES)[number];

export const METRIC_TYPES = Object.keys(PerformanceMetricType) as [PerformanceMetricType];

export function toDimension(name: MetricDimensionName): Dimension {
  return name === 'name' ? name : DIMENSION_BY_NAME[name];
}

export function toDimensions(names: readonly MetricDimensionName[]): Dimension[] {
  return [...new Set(names)].map(toDimension);
}

/** Converts a group to the dimension names of responses. */
export function toNamedGroup(group: Group): Partial<Record<DimensionName, string>> {
  return Object.fromEntries(
    DIMENSION_NAMES.flatMap((name) => {
      const value = group[DIMENSION_BY_NAME[name]];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** For example `15m`. */
const DURATION_PATTERN = /^[1-9]\d{0,4}[smhd]$/;
const MAX_NAMES = 50;

const nameSchema = z
  .string()
  .min(1)
  .max(MAX_NAME_LENGTH)
  // QuestDB's wire protocol ends text at a NUL, so the query would use a different value.
  .regex(/^[^\0]*$/)
  .meta({ description: `Text of 1 to ${MAX_NAME_LENGTH} characters.` });

/** Names to filter by. A row must match one of them. */
const namesSchema = z.array(nameSchema).min(1).max(MAX_NAMES);

/** Returns a schema for durations such as `15m`. */
export function createDurationSchema(description: string) {
  return z.string().regex(DURATION_PATTERN).meta({ description, example: '15m' });
}

const timeParameterSchema = z.string().min(1).max(40).meta({ example: '2030-01-31T08:00Z' });

export const RANGE_PARAMETERS = {
  from: timeParameterSchema.optional().meta({
    description: 'Start of the time range: an ISO 8601 time, or milliseconds since the epoch.',
  }),
  to: timeParameterSchema.optional().meta({
    description:
      'End of the time range: an ISO 8601 time, or milliseconds since the epoch. Default: now.',
  }),
  last: createDurationSchema(
    'Length of the time range, instead of from: a number with the unit s, m, h, or d, such as 15m.',
  ).optional(),
  timeZone: z.string().min(1).max(60).optional().meta({
    description: 'IANA time zone such as Europe/Vienna. Default: the time zone of the server.',
    example: 'Europe/Vienna',
  }),
};

export const INCLUDE_TEST_PARAMETER = {
  includeTest: z
    .boolean()
    .default(false)
    .meta({ description: 'Whether to include test measurements: true or false.' }),
};

/** Returns a schema for a list of names to filter by. `noun` completes the description. */
export function createNameFilter(noun: string) {
  return namesSchema
    .optional()
    .meta({ description: `Limits the response to this ${noun}. Can be repeated.` });
}

/** Nouns of the dimensions whose names are not English words. */
const DIMENSION_NOUNS: Partial<Record<DimensionName, string>> = {
  organizationId: 'organization',
  propertyId: 'property',
  queueScope: 'queue scope',
};

/** Returns filter parameters for dimensions. */
export function createFilterParameters<const N extends DimensionName>(...dimensions: readonly N[]) {
  const entries = dimensions.map((dimension) => [
    dimension,
    createNameFilter(DIMENSION_NOUNS[dimension] ?? dimension),
  ]);
  return Object.fromEntries(entries) as Record<N, z.ZodOptional<typeof namesSchema>>;
}

export const QUEUE_SCOPE_PARAMETER = {
  scope: namesSchema.optional().meta({
    description:
      'Limits the response to queues in this scope: prefix@host:port/db, or only the prefix. Can be repeated.',
  }),
};

export const ORIGIN_FILTER_PARAMETERS = createFilterParameters(
  'service',
  'version',
  'environment',
  'instance',
);
export const TENANT_FILTER_PARAMETERS = createFilterParameters('organizationId', 'propertyId');
export const FILTER_PARAMETERS = createFilterParameters(...DIMENSION_NAMES);

export const METRIC_TYPES_PARAMETER = {
  metricType: z
    .array(z.enum(METRIC_TYPES))
    .min(1)
    .max(METRIC_TYPES.length)
    .optional()
    .meta({ description: 'Metric types to return. Default: all.' }),
};

export const COMPARE_PARAMETER = {
  compare: z
    .enum(COMPARISONS)
    .optional()
    .meta({ description: 'Time range to compare with: previous, yesterday, or lastWeek.' }),
};

export const STEP_PARAMETER = {
  step: createDurationSchema(
    'Length of a time bucket: a number with the unit s, m, h, or d, such as 1m.',
  ).optional(),
};

export function createGroupByParameter<const D extends readonly DimensionName[]>(...defaults: D) {
  return {
    groupBy: z
      .array(z.enum(DIMENSION_NAMES))
      .min(1)
      .max(DIMENSION_NAMES.length)
      .default([...defaults])
      .meta({
        description: `Dimensions to group by: one or more of ${DIMENSION_NAMES.join(', ')}.`,
      }),
  };
}

export const APDEX_TARGET_PARAMETER = {
  apdexTarget: z
    .number()
    .positive()
    .max(DAY_MS)
    .default(500)
    .meta({ description: 'Apdex target, in ms: faster responses count as satisfactory.' }),
};

export function createPagingParameters(defaultLimit: number, maxLimit: number) {
  return {
    limit: z
      .int()
      .min(1)
      .max(maxLimit)
      .default(defaultLimit)
      .meta({ description: `Page size: a whole number from 1 to ${maxLimit}.` }),
    cursor: z.string().min(1).max(4096).optional().meta({
      description: 'The nextCursor of the previous page. Keep the other parameters unchanged.',
    }),
  };
}

export const FORMAT_PARAMETER = {
  format: z.enum(['json', 'csv']).optional().meta({
    description: 'Response format: json or csv. Default: determined by the Accept header.',
  }),
};
