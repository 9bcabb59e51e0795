import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listJobRows, readDepth, selectJobRows } from '../support/job-rows.ts';
import { type LibraryProgram, runLibraryProgram } from '../support/library-program.ts';
import {
  expectedInvoices,
  INVOICE_LINES,
  listInvoices,
  runExample,
} from '../support/run-example.ts';
import { SqsServer } from '../support/sqs-server.ts';

const server = new SqsServer();
beforeAll(() => server.start());
afterAll(() => server.remove());

interface SqsResult {
  ids: { tenant: string; attribute: string; plain: string; expiring: string; batch: string[] };
  seen: Record<string, unknown>;
}

const ONCE = ['waiting', 'active 1', 'completed 1'];
const EXPIRED = 'waiting 1: The visibility timeout expired.';
const RETURNED = 'waiting 1: The message was returned to the queue.';
/** Digest of the attribute `color` alone, as SQS computes it without the agent. */
const COLOR_MD5 = '20ca9041878c8c65d5a4bf6eaf446c21';

let prefixes = 0;

describe.each(['queues-1', 'sqs-3.600', 'queues-2'])('@aws-sdk/client-sqs of %s', (folder) => {
  const check = async (node: LibraryProgram['node'], modules: LibraryProgram['modules']) => {
    prefixes += 1;
    const prefix = `q${prefixes}`;
    await addWaitingMessages(`${prefix}-idle`);
    const run = await runLibraryProgram<SqsResult>({
      ...{ program: '../queues/sqs.cjs', library: '@aws-sdk/client-sqs', folder, node, modules },
      env: {
        SQS_ENDPOINT: server.url,
        QUEUE_PREFIX: prefix,
        WAIT_MS: '500',
        // The oldest version warns about the age of Node.js.
        NODE_NO_WARNINGS: '1',
        PERFORMANCE_FLUSH_INTERVAL: '200',
      },
    });
    expect(run.stderr).toBe('');
    const { ids, seen } = run.result;
    expect(seen.input).toEqual(['QueueUrl', 'MessageBody']);
    const toSorted = (shape: unknown) => (shape as string[][]).map((keys) => keys.toSorted());
    const message = ['Body', 'MessageId', 'ReceiptHandle'];
    expect(toSorted(seen.tenant)).toEqual([['Attributes', ...message], [], ['SentTimestamp']]);
    const withAttribute = ['Attributes', 'Body', 'MessageAttributes', 'MessageId', 'ReceiptHandle'];
    expect(toSorted(seen.attribute)).toEqual([withAttribute, ['color'], ['SentTimestamp']]);
    expect(toSorted(seen.plain)).toEqual([message, [], []]);
    expect(seen.md5).toBe(COLOR_MD5);
    expect(seen.error).toMatch(/^(QueueDoesNotExist|SQSServiceException)$/);

    const queue = `${prefix}-main`;
    const rows = (id: string) => listJobRows(run.rows, queue, id);
    for (const id of [ids.tenant, ids.attribute, ...ids.batch]) expect(rows(id)).toEqual(ONCE);
    const retried = ['active 2', 'completed 2'];
    expect(rows(ids.plain)).toEqual(['waiting', 'active 1', RETURNED, ...retried]);
    expect(listJobRows(run.rows, `${prefix}-expiring`, ids.expiring)).toEqual([
      ...['waiting', 'active 1', EXPIRED],
      ...retried,
    ]);
    const tenantRows = selectJobRows(run.rows, queue, ids.tenant);
    const { host } = new URL(server.url);
    for (const { columns } of tenantRows) {
      expect(columns).toMatchObject({
        organization_id: 'acme',
        queue_scope: `000000000000@${host}`,
      });
    }
    const expired = selectJobRows(run.rows, `${prefix}-expiring`)[2];
    expect(Number(expired?.columns.duration)).toBeGreaterThan(100);
    expect(readDepth(run.rows, `${prefix}-idle`)).toMatchObject({ waiting: 2, active: 0 });
    // The requests to SQS are not recorded as outgoing calls.
    expect(run.rows.filter(({ columns }) => columns.name?.startsWith('http.client'))).toEqual([]);
  };
  const title = 'records each message on Node %s as %s';
  const all = ([22, 24, 26] as const).flatMap((node) =>
    (['CommonJS', 'ESM'] as const).map((modules) => [node, modules] as const),
  );
  it.concurrent.each(all.filter(isInCi))(title, check);
  // Long: the cases in CI cover each version of Node.js and each module system.
  it.concurrent.each(all.filter((each) => !isInCi(each)))(title, { tags: 'long' }, check);
});

it.concurrent('measures examples/queues with SQS', async () => {
  const { lines, rows } = await runExample('queues', 'sqs', {
    SQS_ENDPOINT: server.url,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'key',
    AWS_SECRET_ACCESS_KEY: 'secret',
  });
  expect(lines.toSorted()).toEqual(INVOICE_LINES);
  const invoices = listInvoices(rows);
  // The agent knows that no attempt follows only after it has read the settings of the queue.
  const last = invoices['13 acme']!.at(-1)!.replace('failed 2', 'waiting 2');
  expect({ ...invoices, '13 acme': invoices['13 acme']!.with(-1, last) }).toEqual(
    expectedInvoices(
      () => [RETURNED],
      () => RETURNED.replace('1', '2'),
    ),
  );
});

/** Node.js 24 loads the library as an ES module, and the others as CommonJS. */
function isInCi([node, modules]: readonly [number, string]): boolean {
  return (node === 24) === (modules === 'ESM');
}

/** Adds two messages without the SDK, because the agent reads the depth only once a minute. */
async function addWaitingMessages(queue: string): Promise<void> {
  const call = async (path: string, parameters: Record<string, string>) => {
    const response = await fetch(`${server.url}${path}?${new URLSearchParams(parameters)}`);
    expect(response.status).toBe(200);
    await response.arrayBuffer();
  };
  await call('/', { Action: 'CreateQueue', QueueName: queue });
  for (const MessageBody of ['first', 'second'])
    await call(`/000000000000/${queue}`, { Action: 'SendMessage', MessageBody });
}
