import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runBrokerExample } from '../support/broker-example.ts';
import { type LibraryProgram, runLibraryProgram } from '../support/library-program.ts';
import {
  countProcessed,
  countQueueTransitions,
  findLastGauge,
  type QueueCounts,
} from '../support/message-rows.ts';
import type { LineProtocolRow } from '../support/parse-line-protocol.ts';
import { RabbitmqServer } from '../support/rabbitmq-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = new RabbitmqServer();
beforeAll(() => server.start());
afterAll(() => server.remove());

/** What the program did with each queue: arrived, started, completed, failed, retried. */
const EXPECTED: Record<string, QueueCounts> = {
  work: toCounts(3, 4, 2, 1, 1),
  a: toCounts(3, 3, 3, 0, 0),
  b: toCounts(3, 3, 3, 0, 0),
  get: toCounts(2, 2, 2, 0, 0),
  several: toCounts(6, 6, 5, 1, 0),
  closed: toCounts(1, 2, 1, 0, 1),
  thrown: toCounts(1, 1, 0, 0, 1),
  rejects: toCounts(1, 1, 0, 1, 0),
  dead: toCounts(1, 1, 1, 0, 0),
  rpc: toCounts(1, 1, 1, 0, 0),
  'amq.rabbitmq.reply-to': toCounts(1, 1, 1, 0, 0),
  'amq.gen': toCounts(1, 1, 1, 0, 0),
  callbacks: toCounts(3, 3, 3, 0, 0),
  many: toCounts(500, 500, 500, 0, 0),
  backlog: toCounts(1, 1, 1, 0, 0),
};
/** Messages that the program published, by queue or exchange. */
const PUBLISHED = {
  work: 3,
  events: 3,
  get: 2,
  several: 6,
  closed: 1,
  thrown: 1,
  rejects: 1,
  rpc: 1,
  missing: 1,
  callbacks: 3,
  many: 500,
  backlogs: 3,
};
const RESULT = {
  outcomes: { headers: [{ mine: 'x' }, {}, {}, {}] },
  exchange: { confirmed: 2 },
  get: { empty: false },
  closed: { redelivered: true },
  thrown: { errors: ['intentional'] },
  deadLetter: { deaths: 1 },
  returned: { replyText: 'NO_ROUTE' },
  callbacks: { text: '1' },
};

describe.each(['../libraries', 'queues-2'])('amqplib in %s', (folder) => {
  const title = 'records each message with its times on Node %s as %s';
  const check = async (node: LibraryProgram['node'], modules: LibraryProgram['modules']) => {
    const prefix = `${folder.startsWith('q') ? 'new' : 'old'}-${node}-${modules}`;
    const { result, rows, stderr } = await runLibraryProgram<Record<string, unknown>>({
      program: '../queues/amqplib.cjs',
      library: 'amqplib',
      folder,
      node,
      modules,
      env: { AMQP_URL: server.url, PREFIX: prefix },
    });
    expect(stderr).toBe('');
    expect(result).toEqual({
      ...RESULT,
      backlog: { queue: `${prefix}.backlog`, messageCount: 2, consumerCount: 0 },
    });
    expect(countQueueTransitions(rows, `${prefix}.`)).toEqual(EXPECTED);
    const processed = Object.entries(EXPECTED).map(([queue, { completed, failed, retried }]) => [
      queue.startsWith('amq.') ? queue : `${prefix}.${queue}`,
      completed + failed + retried,
    ]);
    expect(countProcessed(rows)).toEqual(Object.fromEntries(processed));
    const published = Object.entries(PUBLISHED).map(([name, count]) => [
      `${prefix}.${name}`,
      count,
    ]);
    expect(countProcessed(rows, 'messaging.client.operation.duration')).toEqual({
      ...Object.fromEntries(published),
      'amq.gen': 1,
      'amq.rabbitmq.reply-to': 1,
    });
    expect(findLastGauge(rows, 'perfscope.queue.depth', `${prefix}.backlog`)).toBe(2);
    expect(findLastGauge(rows, 'perfscope.queue.depth', 'amq.rabbitmq.reply-to')).toBeUndefined();
    expectRows(rows, prefix);
  };
  const all = ([22, 24, 26] as const).flatMap((node) =>
    (['CommonJS', 'ESM'] as const).map((modules) => [node, modules] as const),
  );
  it.concurrent.each(all.filter(isInCi))(title, check);
  // Long: the cases in CI cover each version of Node.js and each module system.
  it.concurrent.each(all.filter((each) => !isInCi(each)))(title, { tags: 'long' }, check);
});

it('measures both processes of the example in examples/rabbitmq', async () => {
  const rows = await runBrokerExample('rabbitmq', {
    env: { AMQP_URL: server.url },
    expected: ['7: retry', '7: done', '13: reject', '1: done', '2: done', '3: done'],
  });
  expect(countQueueTransitions(rows, '')).toEqual({ invoices: toCounts(5, 6, 4, 1, 1) });
});

it('counts each attempt of a poison message, and of messages in a restart of the server', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-rabbitmq-restart-'));
  const readyFile = join(folder, 'ready');
  try {
    const run = runLibraryProgram<Record<string, number>>({
      program: '../queues/amqplib-restart.cjs',
      library: 'amqplib',
      folder: 'queues-2',
      node: 26,
      modules: 'CommonJS',
      env: { AMQP_URL: server.url, PREFIX: 'bad', READY_FILE: readyFile },
    });
    await waitFor(async () => existsSync(readyFile));
    await server.stop();
    await server.start();
    const { result, rows, stderr } = await run;
    expect(stderr).toBe('');
    expect(result).toEqual({ returned: 300, delivered: 40, held: 10, acknowledged: 30 });
    expect(countQueueTransitions(rows, 'bad.')).toEqual({
      poison: toCounts(1, 301, 1, 0, 300),
      restart: toCounts(30, 40, 30, 0, 10),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Node.js 24 loads the library as an ES module, and the others as CommonJS. */
function isInCi([node, modules]: readonly [number, string]): boolean {
  return (node === 24) === (modules === 'ESM');
}

function toCounts(
  arrived: number,
  started: number,
  completed: number,
  failed: number,
  retried: number,
): QueueCounts {
  return { arrived, started, completed, failed, retried };
}

/** Checks the scope, the tenant, the attempts, the errors, and the times of rows. */
function expectRows(rows: readonly LineProtocolRow[], prefix: string): void {
  const jobs = rows.filter(({ table }) => table === 'queue_metrics').map(({ columns }) => columns);
  const { host } = new URL(server.url);
  expect(new Set(jobs.map(({ queue_scope }) => queue_scope))).toEqual(new Set([`amqp@${host}/`]));
  const ofQueue = (name: string) => jobs.filter((job) => job.queue_name === `${prefix}.${name}`);
  const tenants = ofQueue('work').filter((job) => job.organization_id === 'acme');
  expect(tenants.map(({ status }) => status).sort()).toEqual(['active', 'completed', 'waiting']);
  expect(new Set(tenants.map(({ property_id }) => property_id))).toEqual(new Set(['p1']));
  const thrown = ofQueue('thrown').find((job) => job.duration !== undefined);
  expect(thrown?.error_message).toBe('intentional');
  const again = ofQueue('closed').find(({ status }) => status === 'completed');
  expect(again?.attempts).toBe('2');
  // The consumer of this queue takes 20 ms for a message.
  for (const job of ofQueue('b').filter(({ status }) => status === 'completed')) {
    expect(Number(job.duration)).toBeGreaterThanOrEqual(19);
  }
  for (const job of ofQueue('work').filter(({ status }) => status === 'active')) {
    expect(Number(job.wait_time)).toBeLessThan(5000);
  }
}
