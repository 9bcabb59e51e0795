import { z } from 'zod';
import { MOST_NAME_LENGTH } from '../schema/limits.ts';
import { COMPARISONS } from '../windows/compare.ts';
import { DIMENSION_NAMES, type DimensionName } from './dimension-names.ts';

/** A length of time: `15m`. */
const LENGTH = /^[1-9]\d{0,4}[smhd]$/;
const MOST_NAMES = 50;

const name = z
  .string()
  .min(1)
  .max(MOST_NAME_LENGTH)
  // QuestDB's wire ends a text at a NUL, so that another value would be asked for.
  .regex(/^[^\0]*$/)
  .meta({ description: `a text of 1 to ${MOST_NAME_LENGTH} characters` });

/** Names to filter by; a row has to have one of them. */
export const names = z.array(name).min(1).max(MOST_NAMES);

export function length(description: string) {
  return z.string().regex(LENGTH).meta({ description, example: '15m' });
}

const moment = z
  .string()
  .min(1)
  .max(40)
  .meta({ description: 'ISO 8601, or milliseconds since the epoch', example: '2030-01-31T08:00Z' });

/** The time of a question. */
export const RANGE = {
  from: moment.optional(),
  to: moment.optional().meta({ description: 'ISO 8601 or ms since the epoch; default: now' }),
  last: length('a number and s, m, h or d, as 15m; instead of from').optional(),
  timeZone: z.string().min(1).max(60).optional().meta({
    description: 'a name of the IANA database, as Europe/Vienna; default: the server has one',
    example: 'Europe/Vienna',
  }),
};

export const INCLUDE_TEST = {
  includeTest: z.boolean().default(false).meta({ description: 'true or false: rows of tests too' }),
};

/** Filters by some dimensions. */
export function filters<const N extends DimensionName>(...only: readonly N[]) {
  const entries = only.map((dimension) => [
    dimension,
    names.optional().meta({ description: `only of this ${dimension}; may be repeated` }),
  ]);
  return Object.fromEntries(entries) as Record<N, z.ZodOptional<typeof names>>;
}

export const ORIGIN_FILTERS = filters('service', 'version', 'environment', 'instance');
export const TENANT_FILTERS = filters('organizationId', 'propertyId');
export const FILTERS = filters(...DIMENSION_NAMES);

export const COMPARE = {
  compare: z
    .enum(COMPARISONS)
    .optional()
    .meta({ description: 'previous, yesterday or lastWeek: what to compare with' }),
};

export const STEP = {
  step: length('length of a bucket of time: a number and s, m, h or d, as 1m').optional(),
};

export function groupBy<const D extends readonly DimensionName[]>(...fallback: D) {
  return {
    groupBy: z
      .array(z.enum(DIMENSION_NAMES))
      .min(1)
      .max(DIMENSION_NAMES.length)
      .default([...fallback])
      .meta({ description: `one or more of ${DIMENSION_NAMES.join(', ')}` }),
  };
}

export const APDEX_TARGET = {
  apdexTarget: z
    .number()
    .positive()
    .max(86_400_000)
    .default(500)
    .meta({ description: 'the time in ms that satisfies, for apdex' }),
};

/** Pages of an answer. */
export function paging(fallback: number, most: number) {
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

export const FORMAT = {
  format: z
    .enum(['json', 'csv'])
    .optional()
    .meta({ description: 'json or csv; without it, the Accept header decides' }),
};
