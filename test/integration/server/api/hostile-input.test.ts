import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createOrganizationScope } from '../../../../src/core/tenant-scope.ts';
import { renderSql } from '../../../../src/storage/sql/sql-builder.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { HOSTILE_TOKEN, hostileName, hostileValue } from '../../../support/hostile-input.ts';
import { arbitraryQueryString, type Parameter } from '../../../support/query-from-schema.ts';

/** Stands in every row of the organization that the caller may not see. */
const FOREIGN = 'leaked-row';
const ATTEMPTS = 10_000;
const AT_ONCE = 8;
const SEED = 20_261_125;

/** Every statement that reached the database, once. */
const statements = new Set<string>();
const api = new TestApiServer((store) => ({
  getCatalog: store.getCatalog,
  read: async (scope, statement) => {
    const rendered = renderSql(statement, scope);
    if (rendered) statements.add(rendered.text);
    return store.read(scope, statement);
  },
}));

interface Operation {
  path: string;
  parameters: Parameter[];
  answer: (body: unknown) => void;
  isStream: boolean;
  isOfOne: boolean;
}
let operations: Operation[];

beforeAll(async () => {
  await api.start();
  const { recorder } = api.parts;
  const now = Date.now();
  for (const [organizationId, mark] of [
    ['anna', 'own-row'],
    ['bert', FOREIGN],
  ] as const) {
    for (let i = 0; i < 20; i++) {
      const common = { organizationId, propertyId: mark, service: mark, timestamp: now - 2000 * i };
      const of = { endpoint: `${mark} ${i % 3}`, operation: mark, value: 5 + i, name: mark };
      for (const metricType of ['API_RESPONSE_TIME', 'DATABASE_QUERY_TIME', 'CUSTOM'] as const) {
        recorder.recordMetric({ ...common, ...of, metricType, userId: mark, tags: { mark } });
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
  api.parts.add('system_health', [
    { id: 'h', timestamp: now - 1000, service: FOREIGN, instance: FOREIGN, status: 'healthy' },
  ]);
  await api.stored();
  operations = operationsOf(
    (await (await fetch(`${api.url}/api/openapi.json`)).json()) as Document,
  );
}, 120_000);
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

function operationsOf(document: Document): Operation[] {
  const text = JSON.stringify({ ...document.components.schemas });
  const $defs = JSON.parse(text.replaceAll('#/components/schemas/', '#/$defs/'));
  return Object.entries(document.paths).flatMap(([path, { get }]) => {
    if (!get) return [];
    const content = get.responses[200].content;
    const { schema } = content['application/json'] ?? {};
    const own = JSON.stringify(schema ?? {}).replaceAll('#/components/schemas/', '#/$defs/');
    const checked = z.fromJSONSchema({ ...JSON.parse(own), $defs });
    return {
      path: path.replaceAll(/\{\w+\}/g, 'nothing'),
      parameters: (get.parameters ?? []).filter((parameter) => parameter.in === 'query'),
      answer: (body) => void checked.parse(body),
      isStream: schema === undefined,
      // Of one thing, which does not exist.
      isOfOne: path.includes('{'),
    };
  });
}

/** The text of an answer; of a stream, what comes until its first event. */
async function ask({ path, isStream }: Operation, query: string) {
  const leave = new AbortController();
  const response = await fetch(`${api.url}${path}?${query}`, { signal: leave.signal });
  const type = response.headers.get('Content-Type') ?? '';
  let text = '';
  if (isStream && response.ok) {
    const decoder = new TextDecoder();
    for await (const piece of response.body ?? []) {
      text += decoder.decode(piece, { stream: true });
      if (text.includes('event: ')) break;
    }
    leave.abort();
  } else text = await response.text();
  return { status: response.status, text, type };
}

async function inParallel<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values();
  const worker = async () => {
    for (const item of waiting) await run(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

describe('a client that has only read the OpenAPI document', () => {
  it('gets valid answers to valid requests', async () => {
    api.scope = createOrganizationScope('anna');
    const names = ['own-row', 'own-row 1', "o'hara", 'nothing', '🏨'];
    const requests = operations
      .filter(({ isStream, isOfOne }) => !isStream && !isOfOne)
      .flatMap((operation) =>
        fc
          .sample(arbitraryQueryString(operation.parameters, names), { seed: SEED, numRuns: 30 })
          // Their time is the test's: a row of a test takes a while to come back.
          .filter((query) => !/action=(?:test-|setup|cleanup)/.test(query))
          .map((query) => ({ operation, query })),
      );
    const wrong: unknown[] = [];
    await inParallel(requests, async ({ operation, query }) => {
      const { status, text, type } = await ask(operation, query);
      try {
        const fits = status === 200 || isTooFine(status, text);
        expect([status, fits]).toEqual([status, true]);
        if (status === 200) expect(type).toContain('application/json');
        if (status === 200) operation.answer(JSON.parse(text));
        expect(text).not.toContain(FOREIGN);
      } catch (error) {
        wrong.push([operation.path, query, text.slice(0, 300), String(error).slice(0, 500)]);
      }
    });
    expect(wrong).toEqual([]);
    expect(requests.length).toBeGreaterThan(230);
  }, 120_000);

  /** A step of a minute for days and a step of a week that is compared by days are refused. */
  function isTooFine(status: number, text: string): boolean {
    return status === 400 && text.includes('"parameter":"step"');
  }
});

describe('a hostile client', () => {
  it('gets no foreign row, no failure of the server, and nothing into a statement', async () => {
    api.scope = createOrganizationScope('anna');
    statements.clear();
    const wrong: unknown[] = [];
    const tried = new Map<string, number>();
    const statuses = new Map<number, number>();
    const requests = operations.flatMap((operation) => attemptsAt(operation));
    await inParallel(requests, async ({ operation, query, attempts }) => {
      const { status, text, type } = await ask(operation, query);
      tried.set(operation.path, (tried.get(operation.path) ?? 0) + attempts);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const isProblem = type.includes('application/problem+json');
      if (text.includes(FOREIGN) || status >= 500 || (status !== 200 && !isProblem)) {
        wrong.push([operation.path, query, status, text.slice(0, 300)]);
      }
    });
    expect(wrong).toEqual([]);
    const total = [...tried.values()].reduce((sum, each) => sum + each, 0);
    expect(total).toBeGreaterThanOrEqual(ATTEMPTS);
    expect(statuses.get(200)).toBeGreaterThan(500);
    expect(statuses.get(400)).toBeGreaterThan(500);
    expect([...statements].filter((text) => text.toLowerCase().includes(HOSTILE_TOKEN))).toEqual(
      [],
    );
    expect([...statements].filter((text) => /9{20}|1=1|bert|0x7f/.test(text))).toEqual([]);
    expect(statements.size).toBeGreaterThan(20);
    expect(Object.keys(Object.prototype)).toEqual([]);
    // All is still there.
    const [[rows] = []] = await api.questdb.sql('SELECT count() FROM performance_metrics');
    expect(Number(rows)).toBeGreaterThanOrEqual(120);
  }, 180_000);

  it('finds its texts where they do go, so that the search above is none of nothing', async () => {
    const seen: unknown[] = [];
    const read = api.parts.queryClient.read;
    api.parts.queryClient = {
      ...api.parts.queryClient,
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
 * Hostile values for each parameter alone, and for all free texts together; hostile names; and
 * parameters that are repeated.
 */
function attemptsAt(operation: Operation): Attempt[] {
  const { parameters } = operation;
  const known = parameters.map(({ name }) => name);
  const texts = parameters
    .filter(({ schema }) => schema.type === 'array' && !schema.items?.enum)
    .map(({ name }) => name);
  const base = known.includes('last') ? '&last=1m' : '';
  const sample = <T>(values: fc.Arbitrary<T>, numRuns: number) =>
    fc.sample(values, { seed: SEED, numRuns });
  const alone = known.flatMap((name) =>
    sample(hostileValue, texts.includes(name) ? 20 : 60).map((value) => ({
      query: `${name}=${value}${name === 'last' ? '' : base}`,
      attempts: 1,
    })),
  );
  const repeated = known.flatMap((name) =>
    sample(fc.array(hostileValue, { minLength: 2, maxLength: 4 }), 5).map((values) => ({
      query: values.map((value) => `${name}=${value}`).join('&'),
      attempts: values.length,
    })),
  );
  const named = known.flatMap((name) =>
    sample(fc.tuple(hostileName(name), hostileValue), 6).map(([wrong, value]) => ({
      query: `${wrong}=${value}`,
      attempts: 1,
    })),
  );
  const together =
    texts.length === 0
      ? []
      : sample(fc.array(fc.constantFrom(...TEXT_VALUES), { minLength: 30, maxLength: 30 }), 12).map(
          (values) => ({
            query: values.map((value, i) => `${texts[i % texts.length]}=${value}`).join('&'),
            attempts: values.length,
          }),
        );
  return [...alone, ...repeated, ...named, ...together].map((each) => ({ operation, ...each }));
}

/** Such as are taken for a name, so that they reach the database. */
const TEXT_VALUES = fc
  .sample(hostileValue, { seed: SEED, numRuns: 200 })
  .filter((value) => value.length > 0 && value.length < 200 && !value.includes('%00'));
