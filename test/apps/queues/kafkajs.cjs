const { performanceMonitoringService, withTenant } = require('perfscope');

const { env } = process;
const name = (topic) => `${env.PREFIX}.${topic}`;
const SESSION = { maxWaitTimeInMs: 100, retry: { initialRetryTime: 50, retries: 5 } };

/** Consumes a topic until `isDone` returns true, and closes the consumer. */
async function consume(kafka, topic, { isDone, group = topic, ...options }) {
  const consumer = kafka.consumer({ groupId: name(group), ...SESSION });
  await consumer.connect();
  await consumer.subscribe({ topic: name(topic), fromBeginning: true });
  let ended;
  const done = new Promise((resolve) => {
    ended = resolve;
  });
  await consumer.run({ ...options, ...isDone(ended, consumer) });
  await done;
  await consumer.disconnect();
}

const scenarios = {
  /** The second message fails once. */
  async each({ kafka, producer }) {
    const topic = name('each');
    await withTenant({ organizationId: 'acme', propertyId: 'p1' }, () =>
      producer.send({ topic, messages: [Object.freeze({ value: 'a', headers: { mine: 'x' } })] }),
    );
    await producer.send({ topic, messages: [{ value: 'fails once' }, { value: 'c' }] });
    const headers = [];
    let failures = 0;
    await consume(kafka, 'each', {
      isDone: (end) => ({
        eachMessage: async ({ message }) => {
          headers.push(Object.keys(message.headers));
          const text = String(message.value);
          if (text === 'fails once' && failures++ === 0) throw new Error('intentional');
          if (text === 'c') setImmediate(end);
        },
      }),
    });
    return { headers };
  },
  /** The third message of the batch fails once. */
  async batch({ kafka, producer }) {
    const messages = ['1', '2', '3', '4'].map((value) => ({ value }));
    await producer.sendBatch({ topicMessages: [{ topic: name('batch'), messages }] });
    const sizes = [];
    await consume(kafka, 'batch', {
      isDone: (end) => ({
        eachBatch: async ({ batch, resolveOffset }) => {
          sizes.push(batch.messages.length);
          if (sizes.length > 1) {
            setImmediate(end);
            return;
          }
          for (const { offset } of batch.messages.slice(0, 2)) resolveOffset(offset);
          throw new Error('intentional');
        },
      }),
    });
    return { sizes };
  },
  /** The messages of an aborted transaction are not delivered. */
  async transaction({ kafka }) {
    const options = { transactionalId: name('tx'), maxInFlightRequests: 1, idempotent: true };
    const producer = kafka.producer(options);
    await producer.connect();
    const topic = name('transaction');
    const aborted = await producer.transaction();
    await aborted.send({ topic, messages: [{ value: 'aborted' }] });
    await aborted.abort();
    const committed = await producer.transaction();
    await committed.send({ topic, messages: [{ value: '1' }, { value: '2' }] });
    await committed.commit();
    await producer.disconnect();
    const values = [];
    await consume(kafka, 'transaction', {
      isDone: (end) => ({
        eachMessage: async ({ message }) => {
          if (values.push(String(message.value)) === 2) setImmediate(end);
        },
      }),
    });
    return { values };
  },
  async invalid({ producer }) {
    const send = () => producer.send({ topic: name('each'), messages: [{ key: 'k' }] });
    const error = await withTenant({ organizationId: 'acme' }, send).catch((each) => each);
    return { message: error.message };
  },
  /** A second consumer of the group gets the message again, because the first one didn't commit it. */
  async again({ kafka, producer }) {
    await producer.send({ topic: name('again'), messages: [{ value: '1' }], acks: 0 });
    const isDone = (end) => ({ eachMessage: async () => void setImmediate(end) });
    await consume(kafka, 'again', { autoCommit: false, isDone });
    await consume(kafka, 'again', { isDone });
  },
  /** More messages than the agent stores rows for. */
  async many({ kafka, producer }) {
    const messages = Array.from({ length: 500 }, (_, i) => ({ value: String(i), key: String(i) }));
    await producer.send({ topic: name('many'), messages });
    let handled = 0;
    await consume(kafka, 'many', {
      partitionsConsumedConcurrently: 3,
      isDone: (end) => ({
        eachMessage: async () => {
          if (++handled === 500) setImmediate(end);
        },
      }),
    });
  },
  /** The consumer is stuck in the first message. */
  async lag({ kafka, producer }) {
    const messages = ['1', '2', '3', '4', '5'].map((value) => ({ value }));
    await producer.send({ topic: name('lag'), messages });
    let handled = 0;
    await consume(kafka, 'lag', {
      isDone: (end) => ({
        eachMessage: async () => {
          if (handled === 0) {
            await performanceMonitoringService.flush();
            await performanceMonitoringService.flush();
          }
          if (++handled === 5) setImmediate(end);
        },
      }),
    });
  },
};

module.exports = async function run(kafkajs) {
  const { Kafka, Partitioners = {} } = kafkajs.default ?? kafkajs;
  const kafka = new Kafka({
    clientId: 'test',
    brokers: [env.KAFKA_BROKER],
    logLevel: 0,
    retry: { initialRetryTime: 50 },
  });
  const createPartitioner = Partitioners.LegacyPartitioner ?? Partitioners.DefaultPartitioner;
  const producer = kafka.producer({ createPartitioner });
  await producer.connect();
  const results = {};
  for (const [key, scenario] of Object.entries(scenarios)) {
    results[key] = await scenario({ kafka, producer });
  }
  await producer.disconnect();
  return results;
};
