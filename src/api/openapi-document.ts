import { readFileSync } from 'node:fs';
import { z } from 'zod';
import {
  createDocument,
  type oas31,
  type ZodOpenApiOperationObject,
  type ZodOpenApiPathsObject,
} from 'zod-openapi';
import type { AnyEndpoint, Method } from './endpoint.ts';

const { version } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string };

const problem = z
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

const PROBLEM = {
  description: 'What is wrong, and what to do',
  content: { 'application/problem+json': { schema: problem } },
};

/** As much of it as those need who are given one. */
export interface OpenApiDocument {
  readonly [name: string]: unknown;
  readonly openapi: string;
  readonly paths?: Readonly<Record<string, oas31.PathItemObject>>;
}

/** Making one takes a tenth of a second. */
const made = new WeakMap<readonly AnyEndpoint[], OpenApiDocument>();

/** Describes the endpoints in OpenAPI 3.1. */
export function openApiDocument(endpoints: readonly AnyEndpoint[]): OpenApiDocument {
  const document = made.get(endpoints) ?? describe(endpoints);
  made.set(endpoints, document);
  return document;
}

function describe(endpoints: readonly AnyEndpoint[]): OpenApiDocument {
  const paths: ZodOpenApiPathsObject = {};
  for (const each of endpoints) {
    const operations = each.methods.map((method) => [method, operationOf(each, method)]);
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

function operationOf(endpoint: AnyEndpoint, method: Method): ZodOpenApiOperationObject {
  const { path, summary, query, response, stream, table, params, body } = endpoint;
  const { operation, changePermission = endpoint.permission } = endpoint;
  const permission = method === 'get' ? endpoint.permission : changePermission;
  const name = operation ?? path.split(/[/.]/).findLast((part) => part !== 'json');
  const content = stream
    ? { 'text/event-stream': { schema: z.string(), example: exampleOf() } }
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
        content: { ...content, ...(table && { 'text/csv': { schema: z.string() } }) },
      },
      default: PROBLEM,
    },
  };
}

function exampleOf(): string {
  return 'event: point\nid: point=1893456005000\ndata: {"from":"…","to":"…","api":{…}}\n\n';
}
