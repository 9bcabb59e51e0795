import { z } from 'zod';
import { MAX_NAME_LENGTH } from '../../../core/schema/table-definition.ts';
import { COMPARISONS } from '../../../storage/queries/comparison.ts';
import type { Dimension, Group } from '../../../storage/queries/query.ts';

/** The dimensions under the names that requests and answers have for them. */
const DIMENSION_BY_NAME = {
  service: 'service',
  version: 'version',
  environment: 'environment',
  instance: 'instance',
  endpoint: 'endpoint',
  operation: 'operation',
  queue: 'queue',
  organizationId: 'organization',
  propertyId: 'property',
} as const satisfies Record<string, Dimension>;

export type DimensionName = keyof typeof DIMENSION_BY_NAME;
export const DIMENSION_NAMES = Object.keys(DIMENSION_BY_NAME) as [
  DimensionName,
  ...DimensionName[],
];

export function toDimensions(names: readonly DimensionName[]): Dimension[] {
  return [...new Set(names)].map((name) => DIMENSION_BY_NAME[name]);
}

/** A group as answers name it. */
export function toNamedGroup(group: Group): Partial<Record<DimensionName, string>> {
  return Object.fromEntries(
    DIMENSION_NAMES.flatMap((name) => {
      const value = group[DIMENSION_BY_NAME[name]];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** A length of time: `15m`. */
const DURATION_PATTERN = /^[1-9]\d{0,4}[smhd]$/;
const MAX_NAMES = 50;

const nameSchema = z
  .string()
  .min(1)
  .max(MAX_NAME_LENGTH)
  // QuestDB's wire ends a text at a NUL, so that another value would be asked for.
  .regex(/^[^\0]*$/)
  .meta({ description: `a text of 1 to ${MAX_NAME_LENGTH} characters` });

/** Names to filter by; a row has to have one of them. */
export const namesSchema = z.array(nameSchema).min(1).max(MAX_NAMES);

export function createDurationSchema(description: string) {
  return z.string().regex(DURATION_PATTERN).meta({ description, example: '15m' });
}

const momentSchema = z
  .string()
  .min(1)
  .max(40)
  .meta({ description: 'ISO 8601, or milliseconds since the epoch', example: '2030-01-31T08:00Z' });

/** The time of a question. */
export const RANGE_PARAMETERS = {
  from: momentSchema.optional(),
  to: momentSchema.optional().meta({ description: 'ISO 8601 or ms since the epoch; default: now' }),
  last: createDurationSchema('a number and s, m, h or d, as 15m; instead of from').optional(),
  timeZone: z.string().min(1).max(60).optional().meta({
    description: 'a name of the IANA database, as Europe/Vienna; default: the server has one',
    example: 'Europe/Vienna',
  }),
};

export const INCLUDE_TEST_PARAMETER = {
  includeTest: z.boolean().default(false).meta({ description: 'true or false: rows of tests too' }),
};

/** Filters by some dimensions. */
export function createFilterParameters<const N extends DimensionName>(...only: readonly N[]) {
  const entries = only.map((dimension) => [
    dimension,
    namesSchema.optional().meta({ description: `only of this ${dimension}; may be repeated` }),
  ]);
  return Object.fromEntries(entries) as Record<N, z.ZodOptional<typeof namesSchema>>;
}

export const ORIGIN_FILTER_PARAMETERS = createFilterParameters(
  'service',
  'version',
  'environment',
  'instance',
);
export const TENANT_FILTER_PARAMETERS = createFilterParameters('organizationId', 'propertyId');
export const FILTER_PARAMETERS = createFilterParameters(...DIMENSION_NAMES);

export const COMPARE_PARAMETER = {
  compare: z
    .enum(COMPARISONS)
    .optional()
    .meta({ description: 'previous, yesterday or lastWeek: what to compare with' }),
};

export const STEP_PARAMETER = {
  step: createDurationSchema(
    'length of a bucket of time: a number and s, m, h or d, as 1m',
  ).optional(),
};

export function createGroupByParameter<const D extends readonly DimensionName[]>(...fallback: D) {
  return {
    groupBy: z
      .array(z.enum(DIMENSION_NAMES))
      .min(1)
      .max(DIMENSION_NAMES.length)
      .default([...fallback])
      .meta({ description: `one or more of ${DIMENSION_NAMES.join(', ')}` }),
  };
}

export const APDEX_TARGET_PARAMETER = {
  apdexTarget: z
    .number()
    .positive()
    .max(86_400_000)
    .default(500)
    .meta({ description: 'the time in ms that satisfies, for apdex' }),
};

/** Pages of an answer. */
export function createPagingParameters(fallback: number, most: number) {
  return {
    limit: z
      .int()
      .min(1)
      .max(most)
      .default(fallback)
      .meta({ description: `a whole number from 1 to ${most}` }),
    cursor: z
      .string()
      .min(1)
      .max(4096)
      .optional()
      .meta({ description: 'the nextCursor of an answer; the other parameters stay the same' }),
  };
}

export const FORMAT_PARAMETER = {
  format: z
    .enum(['json', 'csv'])
    .optional()
    .meta({ description: 'json or csv; without it, the Accept header decides' }),
};
