import { z } from 'zod';
import type { PerfscopeClient } from '../client/perfscope-client.ts';

/** The web UI's view with the same data, for a link in the result. */
export interface ViewLink {
  readonly path: string;
  readonly parameters?: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** What a tool returns: the response of the API, and the view that shows it. */
interface ToolOutput {
  readonly data: unknown;
  readonly link?: ViewLink;
}

/** A read-only tool of the MCP server. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: z.ZodObject;
  /** Sends requests with the caller's key. @throws ApiError, or the error of `fetch` */
  readonly run: (client: PerfscopeClient, input: never) => Promise<ToolOutput>;
}

interface ToolDefinition<S extends z.ZodRawShape> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: S;
  readonly run: (
    client: PerfscopeClient,
    input: z.output<z.ZodObject<S, z.core.$strict>>,
  ) => Promise<ToolOutput>;
}

/** Defines a tool. Unknown arguments are rejected. */
export function defineTool<const S extends z.ZodRawShape>(definition: ToolDefinition<S>): Tool {
  return { ...definition, input: z.strictObject(definition.input) };
}

/** Parameters for the time range. */
export const RANGE_INPUT = {
  last: z
    .string()
    .regex(/^[1-9]\d{0,4}[smhd]$/)
    .optional()
    .describe('Length of the time range until now, such as 15m, 24h, or 7d. Not with from.'),
  from: z
    .string()
    .optional()
    .describe('Start of the time range in ISO 8601 with a time zone, such as 2030-01-31T08:00Z.'),
  to: z.string().optional().describe('End of the time range in ISO 8601. Default: now.'),
};

/** Names to filter by. */
export const namesSchema = z.array(z.string().min(1)).min(1).max(50).optional();
/** A name or an ID. */
export const nameSchema = z.string().min(1).max(200);

/** Filters for tenants. A key for one organization never returns data of another. */
export const TENANT_INPUT = {
  organizationId: namesSchema.describe('Only these organizations.'),
  propertyId: namesSchema.describe('Only these properties, such as hotels.'),
};

export const SERVICE_INPUT = { service: namesSchema.describe('Only these services.') };

/** Filters that most tools accept. */
export const ORIGIN_INPUT = {
  ...SERVICE_INPUT,
  version: namesSchema.describe('Only these versions of the services.'),
  environment: namesSchema.describe('Only these environments, such as production.'),
  ...TENANT_INPUT,
};

export const COMPARE_INPUT = {
  compare: z
    .enum(['previous', 'yesterday', 'lastWeek'])
    .optional()
    .describe('Also returns the change from the previous time range, yesterday, or last week.'),
};

/** Maximum number of rows in a result. An assistant can't use thousands of rows. */
const MAX_ROWS = 100;

export function createLimitInput(rows: string, defaultLimit = 20) {
  return {
    limit: z
      .int()
      .min(1)
      .max(MAX_ROWS)
      .default(defaultLimit)
      .describe(`Maximum number of ${rows}.`),
  };
}

/** Returns the parameters that a tool's arguments and the web UI share. */
export function toViewParameters(
  input: Readonly<Record<string, unknown>>,
): Record<string, string | readonly string[] | undefined> {
  const shared = ['last', 'from', 'to', 'environment', 'organizationId', 'propertyId', 'compare'];
  return Object.fromEntries(
    shared.flatMap((name) => {
      const value = input[name] as string | readonly string[] | undefined;
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
