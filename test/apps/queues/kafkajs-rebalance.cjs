const { env } = process;
const COUNT = 300;

/** One consumer joins the group, and another one leaves it, while messages are processed. */
module.exports = async function run(library) {
  const { Kafka } = library.default ?? library;
  const options = { brokers: [env.KAFKA_BROKER], logLevel: 0, retry: { initialRetryTime: 50 } };
  const kafka = new Kafka(options);
  const topic = `${env.PREFIX}.rebalance`;
  const producer = kafka.producer();
  await producer.connect();
  const messages = Array.from({ length: COUNT }, (_, i) => ({ key: `k${i}`, value: String(i) }));
  await producer.send({ topic, messages });
  await producer.disconnect();

  const seen = new Set();
  let started = 0;
  let ended = 0;
  let onHalf;
  let onEnd;
  const half = new Promise((done) => {
    onHalf = done;
  });
  const all = new Promise((done) => {
    onEnd = done;
  });
  const createConsumer = async () => {
    const consumer = kafka.consumer({
      groupId: topic,
      maxWaitTimeInMs: 50,
      heartbeatInterval: 100,
      rebalanceTimeout: 5000,
    });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message }) => {
        started += 1;
        await new Promise((done) => setTimeout(done, 5));
        seen.add(String(message.value));
        ended += 1;
        if (seen.size === COUNT / 3) onHalf();
        if (seen.size === COUNT) setImmediate(onEnd);
      },
    });
    return consumer;
  };
  const first = await createConsumer();
  await half;
  const second = await createConsumer();
  await first.disconnect();
  await all;
  await second.disconnect();
  return { seen: seen.size, started, ended };
};
