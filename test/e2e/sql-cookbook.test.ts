import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runUserQuery } from '../../src/storage/sql/run-user-query.ts';
import { readRunnableBlocks } from '../support/doc-blocks.ts';
import { expectRows } from '../support/expect-rows.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import type { ShopRequests } from '../support/sql-cookbook-metrics.ts';
import { addCookbookRows } from '../support/sql-cookbook-rows.ts';
import { waitForRollups } from '../support/wait-for-rollups.ts';
import { writeRows } from '../support/write-rows.ts';

type Answer = readonly Readonly<Record<string, unknown>>[];

const blocks = readRunnableBlocks('docs/sql-cookbook.md');
// The rules would fire because of the rows, and add alerts.
const server = new PerfscopeServer({ PERFORMANCE_ALERTS_ENABLED: 'false' });
let requests: readonly ShopRequests[] = [];

beforeAll(async () => {
  await server.start();
  const nowMs = Date.now();
  await writeRows(server, (add) => {
    requests = addCookbookRows(add, nowMs);
  });
  await expectRows(() => server.sql("SELECT count() FROM alerts WHERE service = 'shop'"), [[16]]);
  await waitForRollups(server);
});
afterAll(() => server.remove());

const CHECKOUT = { service: 'shop', method: 'POST', endpoint: '/checkout' };
const ROOMS = { service: 'shop', method: 'GET', endpoint: '/rooms' };
const PAYMENTS = { service: 'shop', host: 'payments.example:443' };

/** Answers without their time columns, by question. Ratios are written as fractions of the rows' values. */
const ANSWERS: Readonly<Record<string, () => Answer>> = {
  'Which endpoints are the slowest?': () => [
    { ...CHECKOUT, requests: 40, average_ms: (2700 + 2 * 3000) / 40, longest_ms: 900 },
    { ...ROOMS, requests: 100, average_ms: 2000 / 100, longest_ms: 80 },
  ],
  'Which endpoints fail most often?': () => [
    {
      ...{ ...CHECKOUT, requests: 40, failed: 3, error_rate: (100 * 3) / 40 },
      ...{ status_2xx: 7 + 14 + 15, status_3xx: 0, status_4xx: 1, status_5xx: 2 + 1 },
    },
    {
      ...{ ...ROOMS, requests: 100, failed: 0, error_rate: 0 },
      ...{ status_2xx: 95, status_3xx: 0, status_4xx: 5, status_5xx: 0 },
    },
  ],
  // Rank 9.5 of 10 is in the middle of the bucket of 900 ms. Rank 28.5 of 30 is at 95 % of the bucket of 200 ms.
  'What is the p95 of an endpoint every five minutes?': () => [
    { requests: 10, p95_ms: computeBound(900) * 2 ** (-0.5 / 8) },
    { requests: 30, p95_ms: computeBound(200) * 2 ** (-0.05 / 8) },
  ],
  'How many requests per second does each service receive?': () => [
    { service: 'shop', requests_per_second: 10 / 60 },
    { service: 'shop', requests_per_second: (2 * 15 + 100) / 60 },
  ],
  'Which release made an endpoint slower?': () => [
    { service_version: '1.0.0', requests: 1000, average_ms: 100, error_rate: 1 },
    { service_version: '2.0.0', requests: 40, average_ms: 8700 / 40, error_rate: (100 * 3) / 40 },
  ],
  'Where does the time of each endpoint go?': () => [
    {
      ...{ ...CHECKOUT, requests: 40, total_ms: 8700, average_ms: 8700 / 40 },
      ...{ database_ms: (1200 + 3000) / 40, statements: (50 + 30) / 40 },
      ...{ outgoing_ms: (600 + 1500) / 40, queue_ms: (100 + 300) / 40 },
      ...{ connection_wait_ms: (300 + 200) / 40, event_loop_wait_ms: 200 / 40 },
      own_ms: (300 + 1000) / 40,
    },
  ],
  'Which endpoints run one statement in a loop?': () => [
    {
      ...{ service: 'shop', endpoint: '/rooms', statement: 'SELECT * FROM prices WHERE id = ?' },
      ...{ requests: 4, average_executions: 80 / 4, most_executions: 30 },
    },
    {
      ...{ service: 'shop', endpoint: '/checkout', statement: 'INSERT INTO items' },
      ...{ requests: 1, average_executions: 6, most_executions: 6 },
    },
  ],
  'Which single requests were slow or failed?': () => [
    {
      ...{ ...CHECKOUT, duration_ms: 900, outcome: 'ok', trace_id: 'a'.repeat(32) },
      ...{ organization_id: 'acme', user_id: null },
    },
    {
      ...{ ...CHECKOUT, duration_ms: 150, outcome: 'failed', trace_id: 'b'.repeat(32) },
      ...{ organization_id: 'acme', user_id: 'anna' },
    },
  ],
  'Which SQL statements take the most time?': () => [
    { ...toStatement('SELECT a', 100), total_s: 4, average_ms: 40, failed: 1 },
    { ...toStatement('SELECT b', 2), total_s: 3, average_ms: 1500, failed: 0 },
    { ...toStatement('HGETALL', 10), total_s: 0.02, average_ms: 2, failed: 0 },
  ],
  'Which outgoing calls fail, and why?': () => [
    { service: 'shop', host: 'mail.example', error_type: null, calls: 3, average_ms: 100 },
    { ...PAYMENTS, error_type: null, calls: 80 + 10, average_ms: (8500 + 500) / 90 },
    { ...PAYMENTS, error_type: 'refused', calls: 10, average_ms: 5 },
    { ...PAYMENTS, error_type: '503', calls: 5, average_ms: 100 },
  ],
  'How long do jobs wait, and how long do they run?': () => [
    {
      ...{ queue_name: 'emails', job_type: 'welcome', jobs: 3 },
      average_wait_ms: (100 + 300 + 200) / 3,
      average_processing_ms: (400 + 600 + 200) / 3,
      longest_processing_ms: 600,
    },
  ],
  'How many jobs are in each queue now, and how old is the oldest?': () => [
    { ...toQueue(1), ready: 7 + 2 + 0, active: 1, delayed: 4, oldest_s: 90 },
    { ...toQueue(2), ready: 1, active: 0, delayed: 0, oldest_s: 2 },
  ],
  'Which jobs failed, and with which errors?': () => [
    {
      ...{ queue_name: 'emails', job_type: 'welcome', job_id: '3', organization_id: 'acme' },
      ...{ attempts: 2, error_message: 'the mailbox is full' },
    },
  ],
  'Which organization causes the most load?': () => [
    { organization_id: 'globex', requests: 30, total_s: 6, share: (100 * 6) / 10.7 },
    { organization_id: 'acme', requests: 110, total_s: 4.7, share: (100 * 4.7) / 10.7 },
  ],
  'What are the values of a custom metric by tag?': () => [
    { payment: 'invoice', orders: 1, total: 250, average: 250, largest: 250 },
    { payment: 'card', orders: 2, total: 150, average: 75, largest: 100 },
  ],
  'How busy is each process now?': () => [
    {
      ...{ host: 'pod-1', service: 'shop', instance: 'shop-1', status: 'degraded' },
      ...{ cpu_usage: 85, memory_usage: 70, process_cpu_usage: 20, process_memory_mb: 250 },
      ...{ event_loop_delay_p99: 12, uptime_minutes: 60 },
    },
  ],
  'Which alerts fired last week, and how long did they last?': () => [
    { rule: 'ErrorRate', fired: 3, unresolved: 1, average_minutes: (10 + 20) / 2 },
    { rule: 'QueueDepth', fired: 1, unresolved: 0, average_minutes: 5 },
  ],
  'Which errors are new since yesterday?': () => [
    {
      ...{ fingerprint: 'new', service: 'shop', kind: 'request', error_type: 'TypeError' },
      ...{ message: 'room 2 is undefined', occurrences: 1 + 4 },
    },
  ],
  'Is the last hour worse than the same hour last week?': () => [
    {
      ...{ ...ROOMS, requests: 100, requests_last_week: null },
      ...{ average_ms: 20, average_ms_last_week: null },
    },
    {
      ...{ ...CHECKOUT, requests: 40, requests_last_week: 20 },
      ...{ average_ms: 8700 / 40, average_ms_last_week: 2000 / 20 },
    },
  ],
  'How many requests did each service have per day in the last 90 days?': () =>
    [...Map.groupBy(requests, ({ timestamp }) => toDay(timestamp)).values()].map((day) => {
      const add = (name: 'count' | 'errorCount' | 'sum') =>
        day.reduce((sum, row) => sum + row[name], 0);
      const count = add('count');
      return {
        ...{ service: 'shop', requests: count, failed: add('errorCount') },
        average_ms: add('sum') / count,
      };
    }),
};

/** Upper bound of the bucket of a duration in ms. Bounds are powers of 2^(1/8) in seconds. */
function computeBound(ms: number): number {
  return 1000 * 2 ** (Math.ceil(8 * Math.log2(ms / 1000)) / 8);
}

function toStatement(statement: string, executions: number) {
  return { service: 'shop', statement, executions };
}

function toQueue(redis: number) {
  return { queue: 'emails', queue_scope: `bull@redis-${redis}:6379/0` };
}

function toDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

const TIME_COLUMNS = new Set(['timestamp', 'first_request', 'first_seen', 'last_seen']);

/** Removes time columns, and rounds numbers, because the order of additions is not defined. */
function simplify(answer: Answer): Answer {
  return answer.map((row) =>
    Object.fromEntries(
      Object.entries(row)
        .filter(([name]) => !TIME_COLUMNS.has(name))
        .map(([name, value]) => [
          name,
          typeof value === 'number' ? Number(value.toPrecision(9)) : (value ?? null),
        ]),
    ),
  );
}

/** Runs a statement as QuestDB's console does. */
async function runInConsole(statement: string): Promise<Answer> {
  const { url, authorization } = server.questdb.write;
  const response = await fetch(`${url}/exec?query=${encodeURIComponent(statement)}`, {
    headers: authorization ? { authorization } : {},
  });
  const body = (await response.json()) as {
    readonly columns: readonly { readonly name: string }[];
    readonly dataset: readonly (readonly unknown[])[];
  };
  expect(body).not.toHaveProperty('error');
  return body.dataset.map((row) =>
    Object.fromEntries(body.columns.map(({ name }, i) => [name, row[i]])),
  );
}

/** Headings are numbered: `1. Which endpoints are the slowest?`. */
function toQuestion(heading: string): string {
  return heading.replace(/^\d+\. /, '');
}

it('the page has 20 numbered questions, each with one statement and a known answer', () => {
  const questions = blocks.map(({ heading }) => toQuestion(heading));
  expect(questions).toEqual(Object.keys(ANSWERS));
  expect(blocks.map(({ heading }) => heading)).toEqual(
    questions.map((question, i) => `${i + 1}. ${question}`),
  );
  expect(blocks).toHaveLength(20);
  expect(new Set(blocks.map(({ language }) => language))).toEqual(new Set(['sql']));
});

/** Runs a statement as `perfscope query` does, without a process for each statement. */
async function runAsCommand(text: string): Promise<Answer> {
  const options = { limit: 1000, timeoutMs: 60_000 };
  const { columns, rows } = await runUserQuery(server.questdb.read, text, options);
  return rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
}

describe.each(blocks)('$heading', ({ heading, text }) => {
  it('gives the known answer on the command line and in the console', async () => {
    const expected = simplify(ANSWERS[toQuestion(heading)]!());
    expect(expected.length).toBeGreaterThan(0);
    expect(simplify(await runAsCommand(text))).toEqual(expected);
    expect(simplify(await runInConsole(text))).toEqual(expected);
  });
});
