import { z } from 'zod';
import {
  createDocument,
  type oas32,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from 'zod-openapi';
import { VERSION } from '../../../core/version.ts';
import { type AnyEndpoint, defineEndpoint, type HttpMethod } from '../endpoint-definition.ts';

const problemSchema = z
  .looseObject({
    status: z.int(),
    title: z.string(),
    detail: z.string(),
    code: z.string().optional().meta({ description: 'An error code from docs/errors.md.' }),
    errors: z
      .array(
        z.strictObject({
          parameter: z.string(),
          reason: z.string(),
          allowed: z.string().optional(),
        }),
      )
      .optional()
      .meta({ description: 'Each invalid parameter with the reason and the allowed values.' }),
  })
  .meta({ id: 'Problem', description: 'An error (RFC 9457).' });

const PROBLEM_RESPONSE = {
  description: 'An error: the cause and how to fix it.',
  content: { 'application/problem+json': { schema: problemSchema } },
};

/** The parts of an OpenAPI document that callers use. */
export interface OpenApiDocument {
  readonly [name: string]: unknown;
  readonly openapi: string;
  readonly paths?: Readonly<Record<string, oas32.PathItemObject>>;
}

/** Creating a document takes about 100 ms. */
const documentCache = new WeakMap<readonly AnyEndpoint[], OpenApiDocument>();

/** Returns the OpenAPI 3.1 document of the endpoints. */
export function getOpenApiDocument(endpoints: readonly AnyEndpoint[]): OpenApiDocument {
  const document = documentCache.get(endpoints) ?? createOpenApiDocument(endpoints);
  documentCache.set(endpoints, document);
  return document;
}

function createOpenApiDocument(endpoints: readonly AnyEndpoint[]): OpenApiDocument {
  const paths: ZodOpenApiPathsObject = {};
  for (const endpoint of endpoints) {
    const operations = endpoint.methods.map((method) => [method, toOperation(endpoint, method)]);
    paths[endpoint.path.replaceAll(/:(\w+)/g, '{$1}')] = Object.fromEntries(operations);
  }
  const document = createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Perfscope',
      version: VERSION,
      description:
        'Performance metrics, alerts, and notifications for your services. Durations are in ms, rates per second, and shares in percent. `POST /v1/metrics` and `POST /v1/traces` accept OTLP (https://opentelemetry.io/docs/specs/otlp/).',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An API key or a JWT.' },
      },
    },
  });
  return { ...document };
}

function toOperation(endpoint: AnyEndpoint, method: HttpMethod): ZodOpenApiOperationObject {
  const { path, query, response, events, toTable, params, body } = endpoint;
  const { summary, postSummary = summary } = endpoint;
  const { operation, writePermission = endpoint.permission } = endpoint;
  const permission = method === 'get' ? endpoint.permission : writePermission;
  const name = operation ?? path.split(/[/.]/).findLast((part) => part !== 'json');
  const content = events
    ? { 'text/event-stream': { schema: events } }
    : { 'application/json': { schema: response } };
  return {
    operationId: method === 'get' ? name : `${method}-${name}`,
    summary: method === 'post' ? postSummary : summary,
    ...(permission === 'public' ? {} : { security: [{ key: [] }, {}], 'x-permission': permission }),
    requestParams: { query, ...(params && { path: params }) },
    ...(method === 'post' &&
      body && { requestBody: { content: { 'application/json': { schema: body } } } }),
    responses: {
      '200': {
        description: events ? 'Server-sent events with JSON data.' : 'The response.',
        content: { ...content, ...(toTable && { 'text/csv': { schema: z.string() } }) },
      },
      default: PROBLEM_RESPONSE,
    },
  };
}

export const openApiEndpoint = defineEndpoint({
  path: '/api/openapi.json',
  methods: ['get'],
  summary: 'Returns this API description (OpenAPI 3.1).',
  permission: 'public',
  query: z.strictObject({}),
  response: z.looseObject({ openapi: z.string() }),
  handle: async ({ endpoints }) => getOpenApiDocument(endpoints),
});
