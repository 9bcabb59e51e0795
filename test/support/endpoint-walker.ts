import type { Permission } from '../../src/server/access/permissions.ts';

/** The part of a JSON schema that the walker understands. */
interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly pattern?: string;
  readonly format?: string;
}

interface Parameter {
  readonly name: string;
  readonly in: 'query' | 'path';
  readonly schema: JsonSchema;
}

/** One method of one path of the API. */
export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly permission: Permission | undefined;
  readonly parameters: readonly Parameter[];
  readonly body: JsonSchema | undefined;
  readonly isStream: boolean;
  readonly hasCsv: boolean;
  readonly hasCursor: boolean;
}

interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
}

interface OpenApiOperation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { schema: JsonSchema }>> };
  readonly responses: {
    readonly 200: { readonly content: Readonly<Record<string, unknown>> };
  };
  readonly 'x-permission'?: Permission;
}

/** Lists all operations of a server, so that new endpoints are included automatically. */
export function listOperations(document: unknown): Operation[] {
  const { paths } = document as OpenApiDocument;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const { content } = operation.responses[200];
      const parameters = operation.parameters ?? [];
      return {
        method: method.toUpperCase(),
        path,
        permission: operation['x-permission'],
        parameters,
        body: operation.requestBody?.content['application/json']?.schema,
        isStream: 'text/event-stream' in content,
        hasCsv: 'text/csv' in content,
        hasCursor: parameters.some(({ name }) => name === 'cursor'),
      };
    }),
  );
}

/** Valid values of query parameters and body fields whose schema doesn't describe them. */
const SPECIAL_VALUES: Readonly<Record<string, readonly unknown[]>> = {
  last: ['1h', '7d'],
  from: [new Date(Date.now() - 3_600_000).toISOString()],
  to: [String(Date.now())],
  step: ['5m'],
  interval: ['1s'],
  targetWait: ['1m'],
  stabilization: ['1m'],
  timeZone: ['Asia/Kathmandu'],
  min: ['1'],
  max: ['5'],
  duration: ['1h'],
  expires: ['1d'],
  startsAt: [new Date(Date.now() + 60_000).toISOString()],
  endsAt: [new Date(Date.now() + 3_600_000).toISOString()],
  matchers: [['alertname="nothing"']],
  recurrence: [{}],
  email: ['someone@mail.example'],
  phone: ['+43123456789'],
};

/** Names of a client's objects and of other tenants' objects. A client could try all of them. */
export interface TriedNames {
  readonly own: readonly string[];
  readonly foreign: readonly string[];
}

/**
 * Returns query strings that try each value of each parameter: the schema's values, and `names` for
 * texts. The first query string contains only required parameters.
 */
export function listQueries({ parameters }: Operation, names: TriedNames): string[] {
  const tried = parameters.filter((each) => each.in === 'query' && each.name !== 'cursor');
  // A comparison needs a version.
  const base = ['base=1.0.0', 'last=1h']
    .filter((pair) => tried.some(({ name }) => name === pair.split('=')[0]))
    .join('&');
  const queries = tried.flatMap(({ name, schema }) =>
    listValues(name, schema, names).map((values) => {
      const range = ['last', 'from', 'to', 'base'].includes(name) ? '' : base;
      const pairs = values.map((value) => `${name}=${encodeURIComponent(value)}`);
      return [...pairs, range].filter(Boolean).join('&');
    }),
  );
  return [...new Set(['', base, ...queries])];
}

/** Returns lists of values. Each list is for one request. */
function listValues(name: string, schema: JsonSchema, names: TriedNames): string[][] {
  const special = SPECIAL_VALUES[name];
  if (special) return special.map((value) => [String(value)]);
  const { type, items } = schema;
  const texts = [[...names.foreign, ...names.own], [...names.foreign]];
  if (schema.enum) return schema.enum.map((value) => [value]);
  if (type === 'array')
    return items?.enum ? [...items.enum.map((value) => [value]), [items.enum.join(',')]] : texts;
  if (type === 'string') return [...names.foreign, ...names.own].map((value) => [value]);
  if (type === 'boolean') return [['true'], ['false']];
  if (type === 'integer' || type === 'number')
    return [[String(Math.max(1, schema.minimum ?? 1))], ['7']];
  throw new Error(`can't create a value of type ${type} for the parameter ${name}`);
}

/**
 * Returns bodies for a POST: one with only the required fields, and one for each value of each field.
 * Other tenants' names are tried only in fields that refer to a tenant or an object. Other texts are
 * stored and shown to the caller again.
 */
export function listBodies({ body }: Operation, names: TriedNames): (object | undefined)[] {
  if (!body) return [undefined];
  const { properties = {}, required = [] } = body;
  const fields = Object.entries(properties).map(
    ([name, schema]) => [name, listFieldValues(name, schema, names)] as const,
  );
  const alternatives = 'duration' in properties ? { duration: '1h' } : {};
  const smallest = {
    ...alternatives,
    ...Object.fromEntries(
      fields.filter(([name]) => required.includes(name)).map(([name, [value]]) => [name, value]),
    ),
  };
  return [
    smallest,
    ...fields.flatMap(([name, values]) => values.map((value) => ({ ...smallest, [name]: value }))),
  ];
}

/** Fields with the ID or the name of a tenant or another object. */
const REFERENCE_PATTERN = /Ids?$|^properties$/;

function listFieldValues(
  name: string,
  schema: JsonSchema,
  { own, foreign }: TriedNames,
): unknown[] {
  const special = SPECIAL_VALUES[name];
  if (special) return [...special];
  const texts = REFERENCE_PATTERN.test(name) ? [...own, ...foreign] : own.slice(0, 1);
  // The last role has the fewest permissions, so the caller can grant it.
  if (schema.enum) return [...schema.enum].reverse();
  if (schema.type === 'string') return [...texts];
  if (schema.type === 'array') return texts.map((each) => [each]);
  throw new Error(`can't create a value of type ${schema.type} for the field ${name}`);
}

/** Names of the field with the ID of an object, by path. Default: `id`. */
const ID_FIELDS: Readonly<Record<string, string>> = {
  '/api/performance/jobs': 'jobId',
  '/api/performance/objectives': 'name',
  '/api/performance/rules': 'name',
};

/** Returns every ID in a response. @param path path of the list, for lists whose IDs have another name */
export function findIds(body: unknown, path = ''): string[] {
  if (Array.isArray(body)) return body.flatMap((each) => findIds(each, path));
  if (typeof body !== 'object' || body === null) return [];
  const id = (body as Readonly<Record<string, unknown>>)[ID_FIELDS[path] ?? 'id'];
  return [
    ...(typeof id === 'string' ? [id] : []),
    ...Object.values(body).flatMap((each) => findIds(each, path)),
  ];
}
