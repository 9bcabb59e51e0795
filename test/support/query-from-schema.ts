import fc from 'fast-check';

/** The part of a JSON schema that parameters use. */
interface ParameterSchema {
  pattern?: string;
  type?: string;
  enum?: string[];
  items?: ParameterSchema;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
}

export interface Parameter {
  name: string;
  in: 'query' | 'path';
  schema: ParameterSchema;
}

/** Values of parameters that a schema can't describe, for example because they depend on each other. */
const SPECIAL_VALUES: Readonly<Record<string, readonly string[]>> = {
  last: ['1m', '90s', '2h', '1d'],
  step: ['1m', '7m', '1h', '1d'],
  interval: ['1s', '5m'],
  targetWait: ['10s', '5m'],
  stabilization: ['1m', '1h'],
  min: ['0', '3'],
  max: ['3', '200'],
  search: ['ROW', '1', '%'],
  base: ['1.0.0'],
  candidate: ['1.1.0', '🏨'],
  outcome: ['POST /bookings', '/🏨', 'metric:own-row'],
  exposure: ['GET /rooms', 'requests', 'activeUsers'],
  latency: ['GET /rooms', 'requests'],
  timeZone: ['UTC', 'Europe/Vienna', 'Asia/Kathmandu', 'America/St_Johns'],
};
/** Parameters that are not generated: `last` replaces `from` and `to`, and a cursor comes from a response. */
const IGNORED_PARAMETERS = new Set(['from', 'to', 'baseFrom', 'baseTo', 'cursor', 'format']);
const REQUIRED_PARAMETERS = ['action', 'base'];

/** Generates valid query strings for an operation. */
export function arbitraryQueryString(
  parameters: readonly Parameter[],
  names: readonly string[],
): fc.Arbitrary<string> {
  const values = Object.fromEntries(
    parameters
      .filter(({ name }) => !IGNORED_PARAMETERS.has(name))
      .map(({ name, schema }) => [name, arbitraryValues(name, schema, names)]),
  );
  const requiredKeys = REQUIRED_PARAMETERS.filter((name) => name in values);
  return fc.record(values, { requiredKeys }).map((query) => {
    const pairs = Object.entries(query as Record<string, string[]>).flatMap(([name, each]) =>
      each.map((value): [string, string] => [name, value]),
    );
    return new URLSearchParams(pairs).toString();
  });
}

function arbitraryValues(
  name: string,
  schema: ParameterSchema,
  names: readonly string[],
): fc.Arbitrary<string[]> {
  const single = (values: fc.Arbitrary<unknown>) => values.map((value) => [String(value)]);
  const special = SPECIAL_VALUES[name];
  if (special) return single(fc.constantFrom(...special));
  if (schema.enum) return single(fc.constantFrom(...schema.enum));
  if (schema.type === 'array') {
    const each = schema.items?.enum ?? names;
    return fc.uniqueArray(fc.constantFrom(...each), { minLength: 1, maxLength: 3 });
  }
  if (schema.type === 'boolean') return single(fc.boolean());
  if (schema.type === 'integer') {
    return single(fc.integer({ min: schema.minimum ?? 0, max: schema.maximum ?? 100 }));
  }
  if (schema.type === 'number') return single(fc.integer({ min: 1, max: schema.maximum ?? 100 }));
  if (schema.pattern) return single(fc.stringMatching(new RegExp(schema.pattern)));
  throw new Error(`can't generate a value of type ${schema.type} for ${name}`);
}
