import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { FakeQuestdb, type FakeQuestdbBehavior } from '../support/fake-questdb.ts';
import { LambdaRuntime, type LambdaRuntimeOptions } from '../support/lambda-runtime.ts';
import { type LineProtocolRow, parseLine } from '../support/parse-line-protocol.ts';
import { readSpooledLines } from '../support/spool-fixtures.ts';

const TASK_ROOT = resolve('test/apps/lambda');
const ROUTE = { resource: '/rooms/{id}', httpMethod: 'GET', path: '/rooms/7' };
const HEADERS = { 'X-Organization': 'grand' };

interface LambdaTest {
  readonly lambda: LambdaRuntime;
  readonly questdb: FakeQuestdb;
  /** Rows that QuestDB received, and that wait in the spool. */
  readRows(): LineProtocolRow[];
}

async function runLambda(
  options: Partial<LambdaRuntimeOptions> & { questdb?: FakeQuestdbBehavior | 'refuses' },
  test: (context: LambdaTest) => Promise<void>,
): Promise<void> {
  const behavior = options.questdb ?? 'stores';
  const questdb = new FakeQuestdb(behavior === 'refuses' ? 'stores' : behavior);
  await questdb.start();
  const spool = mkdtempSync(join(tmpdir(), 'perfscope-lambda-'));
  const lambda = new LambdaRuntime({
    handler: 'handlers.get',
    taskRoot: TASK_ROOT,
    node: nodeBinary(26),
    ...options,
    env: {
      PERFORMANCE_QUESTDB_URL: behavior === 'refuses' ? 'http://127.0.0.1:1' : questdb.url,
      PERFORMANCE_SPOOL_DIR: spool,
      PERFORMANCE_ORGANIZATION_HEADER: 'x-organization',
      PERFORMANCE_FLUSH_INTERVAL: '3600000',
      // On a busy machine, the tables aren't created within the default.
      ...(behavior === 'stores' && { PERFORMANCE_LAMBDA_FLUSH_TIMEOUT: '20000' }),
      ...options.env,
    },
  });
  await lambda.start();
  const readRows = () =>
    [...new Set([...questdb.lines, ...readSpooledLines(spool)])].map(parseLine);
  try {
    await test({ lambda, questdb, readRows });
  } finally {
    await lambda.remove();
    questdb.stop();
    rmSync(spool, { recursive: true, force: true });
  }
}

/** Adds up the values of a metric by its endpoint, operation, and tenant. */
function sumRows(rows: readonly LineProtocolRow[], name: string): Record<string, number> {
  const sums: Record<string, number> = {};
  const isMetric = ({ table, columns }: LineProtocolRow) =>
    table === 'performance_metrics' && columns.name === name;
  for (const { columns } of rows.filter(isMetric)) {
    const { endpoint, operation, organization_id: organization } = columns;
    const key = [operation, endpoint, organization].filter(Boolean).join(' ');
    const isHistogram = name.endsWith('duration');
    sums[key] = (sums[key] ?? 0) + Number(isHistogram ? columns.count : columns.value);
  }
  return sums;
}

const REQUESTS = 'http.server.request.duration';

const CASES = [
  [22, 'handlers.get'],
  [24, 'nested/module.api.get'],
  [26, 'handlers.nested.inner.get'],
] as const;

it.concurrent.each(CASES)(
  'records each invocation before the process is frozen, on Node %s with %s',
  async (node, handler) => {
    await runLambda({ node: nodeBinary(node), handler }, async ({ lambda, questdb }) => {
      const name = await lambda.invoke({ action: 'handlerName' });
      expect(name).toMatchObject({ kind: 'response', body: handler });
      for (const action of ['respond', 'respond', 'notFound', 'wait', 'fail', 'respond']) {
        await lambda.invoke({ ...ROUTE, headers: HEADERS, action });
        // The rows were sent before the result.
        const requests = sumRows(questdb.lines.map(parseLine), REQUESTS);
        expect(Object.values(requests)).not.toEqual([]);
      }
      await lambda.invoke({ Records: [{ eventSource: 'aws:sqs', body: 'secret' }] });
      await lambda.invoke({ 'detail-type': 'Scheduled Event' });
      // Nothing is sent after the last result.
      const rows = questdb.lines.map(parseLine);
      expect(sumRows(rows, REQUESTS)).toEqual({
        'GET /rooms/{id} grand': 6,
        '_OTHER invoke orders': 1,
        '_OTHER sqs orders': 1,
        '_OTHER schedule orders': 1,
      });
      expect(sumRows(rows, 'faas.invoke_duration')).toEqual({
        http: 6,
        other: 1,
        pubsub: 1,
        timer: 1,
      });
      expect(sumRows(rows, 'faas.invocations')).toEqual({ http: 5, other: 1, pubsub: 1, timer: 1 });
      expect(sumRows(rows, 'faas.errors')).toEqual({ http: 1 });
      expect(sumRows(rows, 'faas.coldstarts')).toEqual({ other: 1 });
      expect(sumRows(rows, 'faas.init_duration')).toEqual({ other: 1 });
      const errors = rows.filter(({ table }) => table === 'error_logs');
      expect(errors.map(({ columns }) => [columns.error_type, columns.endpoint])).toEqual([
        ['RangeError', '/rooms/{id}'],
      ]);
      const statuses = rows.filter(({ columns }) => columns.endpoint === '/rooms/{id}');
      const sum = (column: string) =>
        statuses.reduce((total, { columns }) => total + Number(columns[column] ?? 0), 0);
      expect([sum('count_2xx'), sum('count_4xx'), sum('count_5xx')]).toEqual([4, 1, 1]);
      expect(new Set(rows.map(({ columns }) => columns.service))).toEqual(new Set(['orders']));
      expect(JSON.stringify(rows)).not.toContain('secret');
    });
  },
);

it.concurrent('a freeze causes no wait, no block, and no health row', async () => {
  await runLambda({}, async ({ lambda, questdb }) => {
    for (let i = 0; i < 3; i++) {
      await lambda.invoke({ ...ROUTE, action: 'wait' });
      // The process is frozen.
      await delay(1500);
    }
    const rows = questdb.lines.map(parseLine);
    expect(sumRows(rows, REQUESTS)).toEqual({ 'GET /rooms/{id}': 3 });
    expect(rows.filter(({ table }) => table === 'system_health')).toEqual([]);
    const names = new Set(rows.map(({ columns }) => columns.name));
    for (const name of ['perfscope.event_loop.block', 'nodejs.eventloop.delay.max']) {
      expect(names.has(name)).toBe(false);
    }
    for (const { columns } of rows.filter(({ columns }) => columns.name === REQUESTS)) {
      expect(Number(columns.max ?? 0)).toBeLessThan(1000);
      expect(Number(columns.event_loop_wait_time ?? 0)).toBeLessThan(1000);
    }
  });
});

it.concurrent.each([
  ['hangs', 'hangs'],
  ['is away', 'refuses'],
] as const)('keeps all rows if QuestDB %s', async (_name, questdb) => {
  await runLambda({ questdb }, async ({ lambda, readRows }) => {
    for (let i = 0; i < 5; i++) {
      const { kind } = await lambda.invoke({ ...ROUTE, action: 'respond' });
      expect(kind).toBe('response');
    }
    await lambda.end();
    const rows = readRows();
    expect(sumRows(rows, REQUESTS)).toEqual({ 'GET /rooms/{id}': 5 });
    expect(sumRows(rows, 'faas.invocations')).toEqual({ http: 5 });
  });
});

it.concurrent('records timeouts, exits, and the invocations of the next process', async () => {
  await runLambda({}, async ({ lambda, readRows }) => {
    await lambda.invoke({ ...ROUTE, action: 'respond' });
    expect((await lambda.invoke({ ...ROUTE, action: 'hang' }, 1500)).kind).toBe('timeout');
    await lambda.invoke({ ...ROUTE, action: 'respond' });
    expect(await lambda.invoke({ ...ROUTE, action: 'exit' })).toMatchObject({
      kind: 'exit',
      body: 3,
    });
    await lambda.invoke({ ...ROUTE, action: 'respond' });
    await lambda.end();
    expect(lambda.starts).toBe(3);
    const rows = readRows();
    expect(sumRows(rows, REQUESTS)).toEqual({ 'GET /rooms/{id}': 5 });
    expect(sumRows(rows, 'faas.timeouts')).toEqual({ http: 1 });
    expect(sumRows(rows, 'faas.errors')).toEqual({ http: 1 });
    expect(sumRows(rows, 'faas.invocations')).toEqual({ http: 3 });
    expect(sumRows(rows, 'faas.coldstarts')).toEqual({ http: 3 });
  });
});

it.concurrent('supports callbacks, streams, and errors that are thrown synchronously', async () => {
  const old = { isOld: true, node: nodeBinary(22) };
  await runLambda({ ...old, handler: 'handlers.callback' }, async ({ lambda, questdb }) => {
    for (const action of ['slow', 'fast']) {
      expect(await lambda.invoke({ ...ROUTE, action })).toMatchObject({
        kind: 'response',
        body: 'called back',
      });
    }
    expect(await lambda.invoke({ ...ROUTE, action: 'fail' })).toMatchObject({ kind: 'error' });
    expect(await lambda.invoke({ ...ROUTE, action: 'silent' })).toMatchObject({ body: null });
    const rows = questdb.lines.map(parseLine);
    expect(sumRows(rows, REQUESTS)).toEqual({ 'GET /rooms/{id}': 4 });
    expect(sumRows(rows, 'faas.errors')).toEqual({ http: 1 });
  });
  await runLambda({ handler: 'handlers.stream' }, async ({ lambda, questdb }) => {
    expect(await lambda.invoke(ROUTE)).toMatchObject({ kind: 'response', body: 'ab' });
    await lambda.invoke({ ...ROUTE, action: 'fail' });
    const rows = questdb.lines.map(parseLine);
    expect(sumRows(rows, 'faas.invocations')).toEqual({ http: 1 });
    expect(sumRows(rows, 'faas.errors')).toEqual({ http: 1 });
    expect(sumRows(rows, 'http.client.request.duration')).toEqual({});
  });
  await runLambda({ handler: 'handlers.sync' }, async ({ lambda, questdb }) => {
    expect(await lambda.invoke({ ...ROUTE, action: 'failSync' })).toMatchObject({
      kind: 'error',
      body: { errorType: 'TypeError', errorMessage: 'not a room' },
    });
    expect(sumRows(questdb.lines.map(parseLine), 'faas.errors')).toEqual({ http: 1 });
  });
});

it.concurrent('reports the same errors as the runtime for a handler that is missing', async () => {
  for (const handler of ['handlers.missing', 'handlers.notAFunction', 'nothing.get']) {
    const errors: unknown[] = [];
    for (const register of [undefined, '']) {
      await runLambda({ handler, ...(register === '' && { register }) }, async ({ lambda }) => {
        expect((await lambda.invoke({})).kind).toBe('exit');
        errors.push((lambda.initError as { errorType: string }).errorType);
      });
    }
    expect(errors[0]).toBe(errors[1]);
  }
});
