import { expect, it } from 'vitest';
import { HistogramRegistry } from '../../../../../src/agent/instrumentation/histograms/histogram-registry.ts';
import { AmqpMessages } from '../../../../../src/agent/instrumentation/queues/amqplib/amqplib-channel.ts';
import { AmqpDepth } from '../../../../../src/agent/instrumentation/queues/amqplib/amqplib-depth.ts';
import { KafkaMessages } from '../../../../../src/agent/instrumentation/queues/kafkajs/kafkajs-messages.ts';
import { MessageAttempts } from '../../../../../src/agent/instrumentation/queues/message-attempts.ts';
import { PublishRecorder } from '../../../../../src/agent/instrumentation/queues/publish-recorder.ts';
import { createUnlistedJobs } from '../../../../../src/agent/instrumentation/queues/unlisted-jobs.ts';

const MESSAGES = 1_000_000;
/** Names without IDs, as applications choose them. */
const toName = (i: number) =>
  `q${String.fromCharCode(...[...String(i)].map((d) => 97 + Number(d)))}`;

function createRecorder() {
  const histograms = new HistogramRegistry(() => {});
  const countUnlisted = createUnlistedJobs(histograms);
  let completed = 0;
  const attempts = new MessageAttempts({
    onTransition: ({ status }) => {
      if (status === 'completed') completed += 1;
    },
    onUnlistedTransition: (job) => {
      countUnlisted(job);
      if (job.status === 'completed') completed += 1;
    },
    gauges: { add() {} },
    includeJobData: false,
    usesMessageHeaders: true,
    readSqsDepth: false,
  });
  return { histograms, attempts, countCompleted: () => completed };
}

/** Returns the growth of the heap in MB while `run` runs. */
function measureGrowth(run: () => void): number {
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  run();
  globalThis.gc?.();
  return (process.memoryUsage().heapUsed - before) / 1e6;
}

// Long: the next test uses fewer names in CI.
it('keeps its memory with a million queues and topics', { tags: 'long' }, () => check(MESSAGES));
it('counts each message of many queues', () => check(30_000));

function check(count: number): void {
  const { histograms, attempts, countCompleted } = createRecorder();
  const depth = new AmqpDepth(() => undefined);
  const messages = new AmqpMessages({
    attempts,
    publisher: new PublishRecorder(histograms, 'rabbitmq', 'publish'),
    usesHeaders: true,
    includeData: false,
    onQueue: (_, scope, queue) => depth.addQueue(scope, queue),
  });
  const cluster = {
    isConnected: () => true,
    findTopicPartitionMetadata: () => [],
    fetchTopicsOffset: async () => [],
  };
  const kafka = new KafkaMessages(attempts, false, { groupId: 'group', cluster });
  const growth = measureGrowth(() => {
    const channel = { connection: {}, lwm: 1, unconfirmed: [] };
    for (let i = 0; i < count; i++) {
      const queue = toName(i);
      const fields = { exchange: '', routingKey: queue, headers: {} };
      const call = messages.startPublish(channel, ['', queue], false);
      messages.addHeader(channel, call, fields);
      messages.endPublish(channel, call);
      const message = {
        fields: { deliveryTag: i + 1, exchange: '', routingKey: queue },
        properties: { headers: fields.headers },
      };
      messages.deliver(channel, queue, message, false);
      messages.ack(channel, i + 1, false);
      kafka.complete(kafka.start(queue, 0, { offset: '0', timestamp: String(Date.now()) }));
    }
  });
  expect(countCompleted()).toBe(2 * count);
  expect(histograms.countSeries()).toBeLessThan(4100);
  expect(growth).toBeLessThan(60);
}
