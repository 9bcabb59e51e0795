// Generates the API client's types from the OpenAPI document.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { ENDPOINT_LIST, ENDPOINTS } from '../src/server/api/endpoint-registry.ts';
import { getOpenApiDocument } from '../src/server/api/endpoints/openapi-endpoint.ts';

export const CLIENT_TYPES_FILE = 'src/client/generated-api-types.ts';

const HEADER = `// Generated from the OpenAPI document by \`npm run client-types\`. Don't edit this file.`;
const BIOME = createRequire(import.meta.url).resolve('@biomejs/biome/bin/biome');

type Content = Readonly<Partial<Record<string, { readonly schema: JSONSchema }>>>;

interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: { readonly 200: { readonly content: Content } };
}

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly required?: boolean;
  readonly schema: JSONSchema;
}

interface ApiDocument {
  readonly paths: Readonly<Partial<Record<string, Readonly<Record<string, Operation>>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JSONSchema>> };
}

/** Returns the text of src/client/generated-api-types.ts. */
export async function formatClientTypes(): Promise<string> {
  const { paths, components } = loadDocument();
  const types = { queries: {}, bodies: {}, responses: {}, events: {} } as Record<
    'queries' | 'bodies' | 'responses' | 'events',
    Record<string, JSONSchema>
  >;
  for (const [name, { path }] of Object.entries(ENDPOINTS)) {
    const operations = Object.entries(paths[path.replaceAll(/:(\w+)/g, '{$1}')] ?? {});
    for (const [method, { parameters = [], requestBody, responses }] of operations) {
      const route = `\`${method.toUpperCase()} ${path}\``;
      const body = requestBody?.content['application/json']?.schema;
      const response = responses[200].content['application/json']?.schema;
      const event = responses[200].content['text/event-stream']?.schema;
      // All operations of an endpoint have the same query parameters and the same response.
      types.queries[name] ??= toQuerySchema(parameters, {
        title: `${capitalize(name)}Query`,
        description: `Query parameters of ${route}.`,
      });
      if (body) {
        const description = `JSON body of ${route}.`;
        types.bodies[name] = { title: `${capitalize(name)}Body`, description, ...body };
      }
      if (response) types.responses[name] = response;
      if (event) types.events[name] = event;
    }
  }
  const schema = {
    title: 'ApiTypes',
    description: 'Types of the API by the names of the endpoints.',
    ...toObjectSchema(
      Object.fromEntries(
        Object.entries(types).map(([group, properties]) => [group, toObjectSchema(properties)]),
      ),
    ),
    definitions: components.schemas,
  };
  const declarations = await compile(schema, 'ApiTypes', {
    bannerComment: '',
    format: false,
    ignoreMinAndMaxItems: true,
  });
  const endpointPaths = Object.fromEntries(
    Object.entries(ENDPOINTS).map(([name, { path }]) => [name, path]),
  );
  return formatCode(`${HEADER}

/** Paths of the endpoints. */
export const ENDPOINT_PATHS = ${JSON.stringify(endpointPaths)} as const;

${declarations}`);
}

/** Returns the document with the references that a JSON schema has. */
function loadDocument(): ApiDocument {
  const text = JSON.stringify(getOpenApiDocument(ENDPOINT_LIST));
  return JSON.parse(text.replaceAll('#/components/schemas/', '#/definitions/'), addTupleType);
}

/** Adds the type of a tuple of numbers, because the compiler doesn't support `prefixItems`. */
function addTupleType(_key: string, value: unknown): unknown {
  const { prefixItems } = (value ?? {}) as { prefixItems?: readonly JSONSchema[] };
  if (!prefixItems?.every(({ type }) => type === 'number')) return value;
  return { tsType: `[${prefixItems.map(() => 'number').join(', ')}]` };
}

function toObjectSchema(properties: Record<string, JSONSchema>): JSONSchema {
  const required = Object.keys(properties);
  return { type: 'object', properties, required, additionalProperties: false };
}

function toQuerySchema(
  parameters: readonly Parameter[],
  names: { title: string; description: string },
): JSONSchema {
  const query = parameters.filter((parameter) => parameter.in === 'query');
  if (query.length === 0) return { tsType: 'Record<string, never>' };
  return {
    ...names,
    ...toObjectSchema(
      Object.fromEntries(query.map(({ name, schema }) => [name, toPropertySchema(schema)])),
    ),
    required: query.filter(({ required }) => required).map(({ name }) => name),
  };
}

/** Adds the default to the description, and omits limits that would make the comments long. */
function toPropertySchema(schema: JSONSchema): JSONSchema {
  const { minItems: _min, maxItems: _max, description, items, ...rest } = schema;
  const defaultText = 'default' in schema && `@default ${JSON.stringify(schema.default)}`;
  return {
    ...rest,
    description: [description, defaultText].filter(Boolean).join('\n\n'),
    ...(items && { items: { ...items, description: undefined } as JSONSchema }),
  };
}

function capitalize(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** Formats code with Biome, and separates declarations by blank lines. */
function formatCode(code: string): string {
  const args = [BIOME, 'format', `--stdin-file-path=${CLIENT_TYPES_FILE}`];
  const formatted = execFileSync(process.execPath, args, { input: code, encoding: 'utf8' });
  return formatted.replaceAll(/^\}\n(?=\S)/gm, '}\n\n');
}

if (import.meta.main) writeFileSync(CLIENT_TYPES_FILE, await formatClientTypes());
