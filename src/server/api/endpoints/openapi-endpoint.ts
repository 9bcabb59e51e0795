import { readFileSync } from 'node:fs';
import { z } from 'zod';
import {
  createDocument,
  type oas32,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from 'zod-openapi';
import { type AnyEndpoint, defineEndpoint, type HttpMethod } from '../endpoint-definition.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8'),
) as { version: string };

const problemSchema = z
  .looseObject({
    status: z.int(),
    title: z.string(),
    detail: z.string(),
    code: z.string().optional().meta({ description: 'One of the catalogue in docs/errors.md' }),
    errors: z
      .array(
        z.strictObject({
          parameter: z.string(),
          reason: z.string(),
          allowed: z.string().optional(),
        }),
      )
      .optional()
      .meta({ description: 'What is wrong with each parameter, and what would be right' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457' });

const PROBLEM_RESPONSE = {
  description: 'What is wrong, and what to do',
  content: { 'application/problem+json': { schema: problemSchema } },
};

/** As much of it as those need who are given one. */
export interface OpenApiDocument {
  readonly [name: string]: unknown;
  readonly openapi: string;
  readonly paths?: Readonly<Record<string, oas32.PathItemObject>>;
}

/** Making one takes a tenth of a second. */
const documentCache = new WeakMap<readonly AnyEndpoint[], OpenApiDocument>();

/** Describes the endpoints in OpenAPI 3.1. */
export function getOpenApiDocument(endpoints: readonly AnyEndpoint[]): OpenApiDocument {
  const document = documentCache.get(endpoints) ?? createOpenApiDocument(endpoints);
  documentCache.set(endpoints, document);
  return document;
}

function createOpenApiDocument(endpoints: readonly AnyEndpoint[]): OpenApiDocument {
  const paths: ZodOpenApiPathsObject = {};
  for (const each of endpoints) {
    const operations = each.methods.map((method) => [method, toOperation(each, method)]);
    paths[each.path.replaceAll(/:(\w+)/g, '{$1}')] = Object.fromEntries(operations);
  }
  const document = createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Perfscope',
      version,
      description: 'Performance of services. Times are in ms, rates per second, shares in percent.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An API key, or a token' },
      },
    },
  });
  return { ...document };
}

function toOperation(endpoint: AnyEndpoint, method: HttpMethod): ZodOpenApiOperationObject {
  const { path, summary, query, response, stream, toTable, params, body } = endpoint;
  const { operation, writePermission = endpoint.permission } = endpoint;
  const permission = method === 'get' ? endpoint.permission : writePermission;
  const name = operation ?? path.split(/[/.]/).findLast((part) => part !== 'json');
  const content = stream
    ? { 'text/event-stream': { schema: z.string(), example: formatExampleEvent() } }
    : { 'application/json': { schema: response } };
  return {
    operationId: method === 'get' ? name : `${method}-${name}`,
    summary,
    ...(permission === 'public' ? {} : { security: [{ key: [] }, {}], 'x-permission': permission }),
    requestParams: { query, ...(params && { path: params }) },
    ...(method === 'post' &&
      body && { requestBody: { content: { 'application/json': { schema: body } } } }),
    responses: {
      '200': {
        description: stream ? 'Events; the data of each is JSON' : 'The answer',
        content: { ...content, ...(toTable && { 'text/csv': { schema: z.string() } }) },
      },
      default: PROBLEM_RESPONSE,
    },
  };
}

function formatExampleEvent(): string {
  return 'event: point\nid: point=1893456005000\ndata: {"from":"…","to":"…","api":{…}}\n\n';
}

export const openApiEndpoint = defineEndpoint({
  path: '/api/openapi.json',
  methods: ['get'],
  summary: 'This description, in OpenAPI 3.1',
  permission: 'public',
  query: z.strictObject({}),
  response: z.looseObject({ openapi: z.string() }),
  handle: async ({ endpoints }) => getOpenApiDocument(endpoints),
});
