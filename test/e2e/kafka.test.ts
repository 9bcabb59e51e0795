import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runBrokerExample } from '../support/broker-example.ts';
import { KafkaServer } from '../support/kafka-server.ts';
import { type LibraryProgram, runLibraryProgram } from '../support/library-program.ts';
import {
  countProcessed,
  countQueueTransitions,
  findLastGauge,
  type QueueCounts,
} from '../support/message-rows.ts';
import type { LineProtocolRow } from '../support/parse-line-protocol.ts';

const NODE_WARNING =
  /^\(node:\d+\) TimeoutNegativeWarning: .*\n(?:Timeout duration was set to 1\.\n)?(?:\(Use .*\n)?/gm;

const server = new KafkaServer();
beforeAll(() => server.start());
afterAll(() => server.remove());

/** What the program did with each topic: arrived, started, completed, failed, retried. */
const EXPECTED: Record<string, QueueCounts> = {
  each: toCounts(3, 4, 3, 0, 1),
  batch: toCounts(4, 5, 4, 0, 1),
  transaction: toCounts(2, 2, 2, 0, 0),
  again: toCounts(1, 2, 2, 0, 0),
  many: toCounts(500, 500, 500, 0, 0),
  lag: toCounts(5, 5, 5, 0, 0),
};
/** Requests of the producers, by topic. */
const SENT = { each: 3, batch: 1, transaction: 2, again: 1, many: 1, lag: 1 };

describe.each(['../libraries', 'queues-2'])('kafkajs in %s', (folder) => {
  const title = 'records each message with its times on Node %s as %s';
  const check = async (node: LibraryProgram['node'], modules: LibraryProgram['modules']) => {
    const prefix = `${folder.startsWith('q') ? 'new' : 'old'}-${node}-${modules}`;
    const topics = Object.keys(EXPECTED).map((name) => [
      `${prefix}.${name}`,
      name === 'many' ? 3 : 1,
    ]);
    await server.createTopics(Object.fromEntries(topics));
    const { result, rows, stderr } = await runLibraryProgram<Record<string, unknown>>({
      program: '../queues/kafkajs.cjs',
      library: 'kafkajs',
      folder,
      node,
      modules,
      env: { KAFKA_BROKER: server.broker, PREFIX: prefix },
    });
    // Version 2 has a warning of Node.js itself.
    expect(stderr.replaceAll(NODE_WARNING, '')).toBe('');
    const message = `Invalid message without value for topic "${prefix}.each": {"key":"k"}`;
    expect(result).toEqual({
      each: { headers: [['mine'], [], [], []] },
      batch: { sizes: [4, 2] },
      transaction: { values: ['1', '2'] },
      invalid: { message },
    });
    expect(countQueueTransitions(rows, `${prefix}.`)).toEqual(EXPECTED);
    const processed = Object.entries(EXPECTED).map(([topic, { completed, retried }]) => [
      `${prefix}.${topic}`,
      completed + retried,
    ]);
    expect(countProcessed(rows)).toEqual(Object.fromEntries(processed));
    const sent = Object.entries(SENT).map(([name, count]) => [`${prefix}.${name}`, count]);
    expect(countProcessed(rows, 'messaging.client.operation.duration')).toEqual(
      Object.fromEntries(sent),
    );
    // The consumer was stuck in the first message.
    expect(findLastGauge(rows, 'perfscope.queue.depth', `${prefix}.lag`)).toBe(5);
    expect(findLastGauge(rows, 'messaging.kafka.consumer.lag', `${prefix}.lag`)).toBe(5);
    expect(findLastGauge(rows, 'perfscope.queue.workers', `${prefix}.lag`)).toBe(1);
    expectRows(rows, prefix);
  };
  const all = ([22, 24, 26] as const).flatMap((node) =>
    (['CommonJS', 'ESM'] as const).map((modules) => [node, modules] as const),
  );
  it.concurrent.each(all.filter(isInCi))(title, check);
  // Long: the cases in CI cover each version of Node.js and each module system.
  it.concurrent.each(all.filter((each) => !isInCi(each)))(title, { tags: 'long' }, check);
});

it('measures both processes of the example in examples/kafka', async () => {
  await server.createTopics({ payments: 1 });
  const rows = await runBrokerExample('kafka', {
    env: { KAFKA_BROKERS: server.broker },
    expected: ['booking 7: paid', '13: paid', ' 1: paid', ' 2: paid', ' 3: paid'],
  });
  expect(countQueueTransitions(rows, '')).toEqual({ payments: toCounts(5, 6, 5, 0, 1) });
});

it('counts each attempt if consumers join and leave', async () => {
  await server.createTopics({ 'bad.rebalance': 4 });
  const { result, rows } = await runLibraryProgram<Record<string, number>>({
    program: '../queues/kafkajs-rebalance.cjs',
    library: 'kafkajs',
    folder: 'queues-2',
    node: 26,
    modules: 'CommonJS',
    env: { KAFKA_BROKER: server.broker, PREFIX: 'bad', KAFKAJS_NO_PARTITIONER_WARNING: '1' },
  });
  expect(result.seen).toBe(300);
  const { rebalance } = countQueueTransitions(rows, 'bad.');
  expect(rebalance).toMatchObject({ started: result.started, completed: result.ended, failed: 0 });
  expect(rebalance!.arrived).toBeGreaterThanOrEqual(300);
  expect(rebalance!.arrived).toBeLessThanOrEqual(result.started!);
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
  const ofTopic = (name: string) => jobs.filter((job) => job.queue_name === `${prefix}.${name}`);
  const each = ofTopic('each');
  expect(new Set(each.map(({ queue_scope }) => queue_scope))).toEqual(
    new Set([`${prefix}.each@${server.broker}/`]),
  );
  const ofFirst = each.filter(({ job_id }) => job_id === '0-0');
  expect(ofFirst.map(({ status, organization_id }) => [status, organization_id]).sort()).toEqual([
    ['active', 'acme'],
    ['completed', 'acme'],
    ['waiting', 'acme'],
  ]);
  const ofSecond = each.filter(({ job_id, duration }) => job_id === '0-1' && duration);
  expect(ofSecond.map(({ status, attempts }) => [status, attempts]).sort()).toEqual([
    ['completed', '2'],
    ['waiting', '1'],
  ]);
  const failed = ofTopic('batch').filter(({ error_message }) => error_message !== undefined);
  expect(failed.map(({ job_id, error_message }) => [job_id, error_message])).toEqual([
    ['0-2', 'intentional'],
  ]);
  for (const job of each.filter(({ status }) => status === 'active')) {
    expect(Number(job.wait_time)).toBeLessThan(10_000);
  }
}
