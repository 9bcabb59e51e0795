import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createOrganizationScope, type TenantScope } from '../../../../src/core/tenant-scope.ts';
import { renderSql, type Sql } from '../../../../src/storage/sql/sql-builder.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { HOSTILE_TOKEN, hostileName, hostileValue } from '../../../support/hostile-input.ts';
import { arbitraryQueryString, type Parameter } from '../../../support/query-from-schema.ts';

/** Part of every row of the organization that the caller can't see. */
const OTHER_ROW = 'leaked-row';
const ATTEMPTS = 10_000;
const CONCURRENCY = 8;
const SEED = 20_261_125;

/** Every distinct statement that reached the database. */
const statements = new Set<string>();
function recordStatement(scope: TenantScope, statement: Sql): void {
  const rendered = renderSql(statement, scope);
  if (rendered) statements.add(rendered.text);
}
const api = new TestApiServer((queryClient) => ({
  getCatalog: queryClient.getCatalog,
  read: async (scope, statement) => {
    recordStatement(scope, statement);
    return queryClient.read(scope, statement);
  },
  scan: async (scope, statement, ...rest) => {
    recordStatement(scope, statement);
    return queryClient.scan(scope, statement, ...rest);
  },
}));

interface Operation {
  path: string;
  /** The path with the names of its parameters in braces. */
  template: string;
  parameters: Parameter[];
  validateResponse: (body: unknown) => void;
  isStream: boolean;
  hasPathParams: boolean;
}
let operations: Operation[];

beforeAll(async () => {
  await api.start();
  const { recorder } = api.dependencies;
  const now = Date.now();
  for (const [organizationId, mark] of [
    ['anna', 'own-row'],
    ['bert', OTHER_ROW],
  ] as const) {
    for (let i = 0; i < 20; i++) {
      const common = { organizationId, propertyId: mark, service: mark, timestamp: now - 2000 * i };
      const metric = { endpoint: `${mark} ${i % 3}`, operation: mark, value: 5 + i, name: mark };
      for (const metricType of ['API_RESPONSE_TIME', 'DATABASE_QUERY_TIME', 'CUSTOM'] as const) {
        recorder.recordMetric({ ...common, ...metric, metricType, userId: mark, tags: { mark } });
      }
      recorder.recordQueueMetric({
        ...common,
        queueName: mark,
        jobId: `${i}`,
        jobType: mark,
        status: 'completed',
        duration: 10,
        waitTime: 5,
      });
    }
  }
  api.dependencies.add('system_health', [
    { id: 'h', timestamp: now - 1000, service: OTHER_ROW, instance: OTHER_ROW, status: 'healthy' },
  ]);
  await api.waitUntilStored();
  operations = listOperations(
    (await (await fetch(`${api.url}/api/openapi.json`)).json()) as Document,
  );
});
afterAll(() => api.remove());

interface Document {
  paths: Record<
    string,
    {
      get?: {
        parameters?: Parameter[];
        responses: { 200: { content: Record<string, { schema: object }> } };
      };
    }
  >;
  components: { schemas: object };
}

function listOperations(document: Document): Operation[] {
  const text = JSON.stringify({ ...document.components.schemas });
  const $defs = JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/'));
  return Object.entries(document.paths).flatMap(([path, { get }]) => {
    if (!get) return [];
    const content = get.responses[200].content;
    const { schema } = content['application/json'] ?? {};
    const schemaText = JSON.stringify(schema ?? {}).replaceAll('#/components/schemas/', '#/$defs/');
    const responseSchema = z.fromJSONSchema({ ...JSON.parse(schemaText), $defs });
    return {
      template: path,
      path: path.replaceAll(/\{\w+\}/g, 'nothing'),
      parameters: (get.parameters ?? []).filter((parameter) => parameter.in === 'query'),
      validateResponse: (body) => void responseSchema.parse(body),
      isStream: schema === undefined,
      hasPathParams: path.includes('{'),
    };
  });
}

/** Returns the text of a response. Reads a stream only until its first event. */
async function send({ path, isStream }: Operation, query: string) {
  const controller = new AbortController();
  const response = await fetch(`${api.url}${path}?${query}`, { signal: controller.signal });
  const type = response.headers.get('Content-Type') ?? '';
  let text = '';
  if (isStream && response.ok) {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.includes('event: ')) break;
    }
    controller.abort();
  } else text = await response.text();
  return { status: response.status, text, type };
}

async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await run(item);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}

describe('a client generated from the OpenAPI document', () => {
  it('gets valid responses to valid requests', async () => {
    api.scope = createOrganizationScope('anna');
    const names = ['own-row', 'own-row 1', "o'hara", 'nothing', '🏨'];
    const requests = operations
      .filter(({ isStream, hasPathParams }) => !isStream && !hasPathParams)
      .flatMap((operation) =>
        fc
          .sample(arbitraryQueryString(operation.parameters, names), { seed: SEED, numRuns: 30 })
          // These actions are slow, because they wait until written rows are visible.
          .filter((query) => !/action=(?:test-|setup|cleanup)/.test(query))
          .map((query) => ({ operation, query })),
      );
    const failures: unknown[] = [];
    await inParallel(requests, async ({ operation, query }) => {
      const { status, text, type } = await send(operation, query);
      try {
        const isExpected =
          status === 200 || isInvalidStep(status, text) || isHostQuery(status, query);
        expect([status, isExpected]).toEqual([status, true]);
        if (status === 200) expect(type).toContain('application/json');
        if (status === 200) operation.validateResponse(JSON.parse(text));
        expect(text).not.toContain(OTHER_ROW);
      } catch (error) {
        failures.push([operation.path, query, text.slice(0, 300), String(error).slice(0, 500)]);
      }
    });
    expect(failures).toEqual([]);
    expect(requests.length).toBeGreaterThan(230);
  });

  /** Returns whether the query was rejected because it uses hosts, which tenants can't see. */
  function isHostQuery(status: number, query: string): boolean {
    return status === 403 && /instance|queueScope/.test(query);
  }

  /** Returns whether the step was rejected, for example 1m for several days. */
  function isInvalidStep(status: number, text: string): boolean {
    return status === 400 && text.includes('"parameter":"step"');
  }
});

describe('a hostile client', () => {
  it('gets no rows of other organizations, causes no server error, and injects nothing into SQL', async () => {
    api.scope = createOrganizationScope('anna');
    statements.clear();
    const failures: unknown[] = [];
    const attemptsByPath = new Map<string, number>();
    const statuses = new Map<number, number>();
    const requests = operations.flatMap((operation) => createAttempts(operation));
    await inParallel(requests, async ({ operation, query, attempts }) => {
      const { status, text, type } = await send(operation, query);
      const previousAttempts = attemptsByPath.get(operation.path) ?? 0;
      attemptsByPath.set(operation.path, previousAttempts + attempts);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const isProblem = type.includes('application/problem+json');
      if (text.includes(OTHER_ROW) || status >= 500 || (status !== 200 && !isProblem)) {
        failures.push([operation.path, query, status, text.slice(0, 300)]);
      }
    });
    expect(failures).toEqual([]);
    const total = [...attemptsByPath.values()].reduce((sum, count) => sum + count, 0);
    expect(total).toBeGreaterThanOrEqual(ATTEMPTS);
    expect(statuses.get(200)).toBeGreaterThan(500);
    expect(statuses.get(400)).toBeGreaterThan(500);
    expect([...statements].filter((text) => text.toLowerCase().includes(HOSTILE_TOKEN))).toEqual(
      [],
    );
    expect([...statements].filter((text) => /9{20}|1=1|bert|0x7f/.test(text))).toEqual([]);
    expect(statements.size).toBeGreaterThan(20);
    expect(Object.keys(Object.prototype)).toEqual([]);
    // No rows were deleted.
    const [[rows] = []] = await api.questdb.sql('SELECT count() FROM performance_metrics');
    expect(Number(rows)).toBeGreaterThanOrEqual(120);
  });

  it('gets no rows of other organizations with hostile values in paths', async () => {
    api.scope = createOrganizationScope('anna');
    statements.clear();
    const failures: unknown[] = [];
    const values = fc.sample(hostileValue, { seed: SEED, numRuns: 60 });
    const requests = operations
      .filter(({ hasPathParams }) => hasPathParams)
      .flatMap((operation) => [...new Set(values)].map((value) => ({ operation, value })));
    await inParallel(requests, async ({ operation, value }) => {
      const path = operation.template.replace(/\{\w+\}/, value);
      const { status, text, type } = await send({ ...operation, path }, '');
      const isProblem = type.includes('application/problem+json');
      if (text.includes(OTHER_ROW) || status >= 500 || (status !== 200 && !isProblem)) {
        failures.push([path, status, type, text.slice(0, 300)]);
      }
    });
    expect(failures).toEqual([]);
    expect(requests.length).toBeGreaterThan(100);
    expect(statements.size).toBeGreaterThan(0);
    expect([...statements].filter((text) => text.toLowerCase().includes(HOSTILE_TOKEN))).toEqual(
      [],
    );
  });

  it('sends hostile text that reaches bound parameters, so the previous test is meaningful', async () => {
    const seen: unknown[] = [];
    const read = api.dependencies.queryClient.read;
    api.dependencies.queryClient = {
      ...api.dependencies.queryClient,
      read: async (scope, statement) => {
        seen.push(...(renderSql(statement, scope)?.params ?? []));
        return read(scope, statement);
      },
    };
    await fetch(`${api.url}/api/performance/metrics?name=${HOSTILE_TOKEN}`);
    expect(seen).toContain(HOSTILE_TOKEN);
  });
});

interface Attempt {
  operation: Operation;
  query: string;
  attempts: number;
}

/**
 * Creates requests with hostile values for each parameter alone and for all text parameters together,
 * with hostile parameter names, and with repeated parameters.
 */
function createAttempts(operation: Operation): Attempt[] {
  const { parameters } = operation;
  const known = parameters.map(({ name }) => name);
  const texts = parameters
    .filter(({ schema }) => schema.type === 'array' && !schema.items?.enum)
    .map(({ name }) => name);
  const base = known.includes('last') ? '&last=1m' : '';
  const sample = <T>(values: fc.Arbitrary<T>, numRuns: number) =>
    fc.sample(values, { seed: SEED, numRuns });
  const singleValues = known.flatMap((name) =>
    sample(hostileValue, texts.includes(name) ? 20 : 60).map((value) => ({
      query: `${name}=${value}${name === 'last' ? '' : base}`,
      attempts: 1,
    })),
  );
  const repeatedParameters = known.flatMap((name) =>
    sample(fc.array(hostileValue, { minLength: 2, maxLength: 4 }), 5).map((values) => ({
      query: values.map((value) => `${name}=${value}`).join('&'),
      attempts: values.length,
    })),
  );
  const hostileNames = known.flatMap((name) =>
    sample(fc.tuple(hostileName(name), hostileValue), 6).map(([wrongName, value]) => ({
      query: `${wrongName}=${value}`,
      attempts: 1,
    })),
  );
  const combinedValues =
    texts.length === 0
      ? []
      : sample(fc.array(fc.constantFrom(...TEXT_VALUES), { minLength: 30, maxLength: 30 }), 12).map(
          (values) => ({
            query: values.map((value, i) => `${texts[i % texts.length]}=${value}`).join('&'),
            attempts: values.length,
          }),
        );
  return [...singleValues, ...repeatedParameters, ...hostileNames, ...combinedValues].map(
    (attempt) => ({ operation, ...attempt }),
  );
}

/** Hostile values that pass validation as names, so they reach the database. */
const TEXT_VALUES = fc
  .sample(hostileValue, { seed: SEED, numRuns: 200 })
  .filter((value) => value.length > 0 && value.length < 200 && !value.includes('%00'));
