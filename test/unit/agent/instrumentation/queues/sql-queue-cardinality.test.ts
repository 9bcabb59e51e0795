import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { metrics } from '@opentelemetry/api';
import { expect, it } from 'vitest';
import { HistogramRegistry } from '../../../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import type { InstrumentationContext } from '../../../../../src/agent/instrumentation/instrumentation-context.ts';
import type {
  Library,
  LoadedFile,
} from '../../../../../src/agent/instrumentation/loading/library.ts';
import { createJobHistograms } from '../../../../../src/agent/instrumentation/queues/job-histograms.ts';
import { PG_BOSS } from '../../../../../src/agent/instrumentation/queues/pg-boss/pg-boss.ts';
import { QueueGauges } from '../../../../../src/agent/instrumentation/queues/queue-gauges.ts';
import type { QueueRecorder } from '../../../../../src/agent/instrumentation/queues/queue-recorder.ts';
import { SQS } from '../../../../../src/agent/instrumentation/queues/sqs/sqs.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const NAMES = 1_000_000;
const NAMES_IN_CI = 30_000;
/** All maps have their maximum size after this number of names. A third of the jobs is never ended. */
const WARM_UP = 36_000;
/** Letters only, as in names without IDs. */
const toName = (i: number) => `q${String(i).replace(/\d/g, (digit) => 'abcdefghij'[+digit]!)}`;

function createRecorder() {
  const histograms = new HistogramRegistry(() => {});
  const record = createJobHistograms(histograms);
  const counts: Record<string, number> = {};
  const onTransition: QueueRecorder['onTransition'] = (job, failure) => {
    const key = failure ? `${job.status} after failure` : job.status;
    counts[key] = (counts[key] ?? 0) + 1;
    record(job, failure && 'Error');
  };
  const meter = metrics.getMeter('test');
  const recorder: QueueRecorder = {
    onTransition,
    onUnlistedTransition: onTransition,
    gauges: new QueueGauges({ meter, onReachabilityChange() {} }),
    includeJobData: false,
    usesMessageHeaders: true,
    readSqsDepth: true,
  };
  return { recorder, counts, histograms };
}

/** Instruments a file of a library. */
function patch({ instrument }: Library, recorder: QueueRecorder, file: string, exports: object) {
  const { patches = {} } = instrument!({ queues: recorder } as InstrumentationContext);
  patches[file]!(exports, { folder: '' } as LoadedFile);
}

/** Runs an operation for each name, and returns the growth of the heap in MB after the warm-up. */
async function measureGrowth(count: number, run: (i: number) => Promise<void>): Promise<number> {
  let before = 0;
  for (let i = 0; i < WARM_UP + count; i++) {
    await run(i);
    if (i + 1 === WARM_UP) {
      collectGarbage();
      before = process.memoryUsage().heapUsed;
    }
  }
  collectGarbage();
  return (process.memoryUsage().heapUsed - before) / 1e6;
}

interface SentCommand {
  readonly input: Record<string, unknown>;
}
class Command implements SentCommand {
  readonly input: Record<string, unknown>;
  constructor(input: Record<string, unknown>) {
    this.input = input;
  }
}
class SendMessageCommand extends Command {}
class ReceiveMessageCommand extends Command {}
class DeleteMessageCommand extends Command {}

/** Each queue has a message, which is received with the name of the queue. */
function createSqsClient(recorder: QueueRecorder) {
  class SQSClient {
    receives = 0;
    async send({ input, constructor: Class }: SentCommand): Promise<object> {
      if (Class === SendMessageCommand) return { MessageId: input.QueueUrl };
      if (Class !== ReceiveMessageCommand) return {};
      this.receives += 1;
      const Attributes = { ApproximateReceiveCount: String(this.receives), SentTimestamp: '1' };
      const ReceiptHandle = `receipt ${this.receives}`;
      return { Messages: [{ MessageId: String(input.QueueUrl), ReceiptHandle, Attributes }] };
    }
    destroy() {}
  }
  patch(SQS, recorder, '', { SQSClient });
  return new SQSClient();
}

async function checkSqs(count: number): Promise<void> {
  const { recorder, counts, histograms } = createRecorder();
  const client = createSqsClient(recorder);
  const growth = await measureGrowth(count, async (i) => {
    const QueueUrl = `http://127.0.0.1:9324/000000000000/${toName(i)}`;
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: '' }));
    await client.send(new ReceiveMessageCommand({ QueueUrl }));
    // Every second message is never deleted.
    if (i % 2 === 0) return;
    const ReceiptHandle = `receipt ${client.receives}`;
    await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
  });
  const total = WARM_UP + count;
  expect(counts).toMatchObject({ active: total, completed: total / 2 });
  expect(histograms.countSeries()).toBeLessThan(4100);
  expect(growth).toBeLessThan(2);
}

async function checkPoisonMessage(count: number): Promise<void> {
  const { recorder, counts } = createRecorder();
  const client = createSqsClient(recorder);
  const QueueUrl = 'http://127.0.0.1:9324/000000000000/poison';
  const growth = await measureGrowth(count, async () => {
    await client.send(new ReceiveMessageCommand({ QueueUrl }));
  });
  const total = WARM_UP + count;
  expect(counts).toEqual({ waiting: 1, active: total, 'waiting after failure': total - 1 });
  expect(growth).toBeLessThan(2);
}

async function checkPgBoss(count: number): Promise<void> {
  const { recorder, counts, histograms } = createRecorder();
  class Manager {
    readonly config = {};
    readonly db = {};
    async start() {}
    async createJob() {}
    async insert() {}
    async send(name: string) {
      return name;
    }
    async work() {}
    addWorker() {}
    async fetch(name: string, _options?: object): Promise<object[]> {
      const createdOn = new Date();
      const metadata = { policy: '', createdOn, startedOn: createdOn, retryCount: 0 };
      return [{ id: name, name, data: null, expireInSeconds: 900, ...metadata }];
    }
    async complete(..._args: unknown[]) {}
    async fail(..._args: unknown[]) {}
  }
  patch(PG_BOSS, recorder, 'src/manager.js', Manager);
  const manager = new Manager();
  const growth = await measureGrowth(count, async (i) => {
    const name = toName(i);
    await manager.send(name);
    await manager.fetch(name);
    // Every third job is never ended.
    if (i % 3 === 1) await manager.complete(name, name);
    if (i % 3 === 2) await manager.fail(name, name, new Error('intentional'));
  });
  const total = WARM_UP + count;
  expect(counts).toMatchObject({ waiting: total, active: total });
  expect(counts.completed).toBe(total / 3);
  expect(counts['failed after failure']).toBe(total / 3);
  expect(histograms.countSeries()).toBeLessThan(6200);
  expect(growth).toBeLessThan(2);
}

it.each([
  ['SQS queues', checkSqs],
  ['receives of an SQS message', checkPoisonMessage],
  ['pg-boss queues', checkPgBoss],
])('keeps its memory with many %s', (_, check) => check(NAMES_IN_CI));

// Long: the test above uses fewer names in CI. The numbers are multiples of 6.
it.each([
  ['SQS queues', checkSqs],
  ['receives of an SQS message', checkPoisonMessage],
  ['pg-boss queues', checkPgBoss],
])('keeps its memory with a million %s', { tags: 'long' }, (_, check) => check(NAMES - 4));
