import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import type { Router } from 'express';
import { expect, it } from 'vitest';
import { ENDPOINT_PATHS } from '../../../../src/client/api-types.ts';
import { createApiRouter } from '../../../../src/server/api/api-router.ts';
import type { EndpointDependencies } from '../../../../src/server/api/endpoint-definition.ts';
import { ENDPOINT_LIST } from '../../../../src/server/api/endpoint-registry.ts';
import { getOpenApiDocument } from '../../../../src/server/api/endpoints/openapi-endpoint.ts';

const document = getOpenApiDocument(ENDPOINT_LIST);

it('creates a valid OpenAPI 3.1 document', async () => {
  const validator = new Validator();
  const { valid, errors } = await validator.validate(structuredClone(document));
  expect(errors ?? []).toEqual([]);
  expect(valid).toBe(true);
  expect(validator.version).toBe('3.1');
});

it('describes every route, and has no other routes', () => {
  const { stack } = createApiRouter(
    { access: {}, maxRequestsPerMinute: 1 } as EndpointDependencies,
    ENDPOINT_LIST,
  ) as Router;
  const routed = stack.flatMap(({ route }) => (route ? [route.path] : []));
  const described = routed.map((path) => String(path).replaceAll(/:(\w+)/g, '{$1}'));
  expect(Object.keys(document.paths ?? {}).sort()).toEqual(described.sort());
  expect(Object.values(ENDPOINT_PATHS).sort()).toEqual(routed.sort());
  const operations = Object.values(document.paths ?? {}).flatMap((path) => Object.values(path));
  const ids = operations.map((operation) => (operation as { operationId: string }).operationId);
  expect(new Set(ids).size).toBe(ids.length);
});

it('describes every parameter', () => {
  const parameters = Object.values(document.paths ?? {}).flatMap(
    (path) => (path.get?.parameters ?? []) as DocumentedParameter[],
  );
  const undocumented = parameters.filter(
    ({ description, schema }) => !(description ?? schema.description ?? schema.enum),
  );
  expect(undocumented.map(({ name }) => name)).toEqual([]);
  expect(parameters.length).toBeGreaterThan(80);
});

interface DocumentedParameter {
  name: string;
  description?: string;
  schema: { enum?: unknown; description?: string };
}

it('loads only client files, so that the client runs in browsers', () => {
  const seen = new Set<string>();
  const forbidden: string[] = [];
  const visit = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    const text = readFileSync(file, 'utf8');
    // Examples in comments can run on Node.js.
    const code = text.replaceAll(/\/\*.*?\*\//gs, '');
    forbidden.push(...(code.match(/\b(?:process\.\w|Buffer\b|require\()/g) ?? []));
    const imports = /^(?:import|export) (?!type )[^;]*?from '([^']+)'/gm;
    for (const [, target = ''] of text.matchAll(imports)) {
      const path = join(dirname(file), target);
      const isOwn = /^src\/(?:client|agent\/http-client)\//.test(path);
      if (target.startsWith('.') && isOwn) visit(path);
      else if (target !== 'eventsource-parser') forbidden.push(target);
    }
  };
  visit('src/client.ts');
  expect(forbidden).toEqual([]);
  expect(seen.size).toBeGreaterThan(4);
});
