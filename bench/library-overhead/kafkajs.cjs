const { Kafka, Partitioners } = require('kafkajs');

/** Sends one message, and waits until it is consumed. */
module.exports = {
  servers: ['kafka'],
  // The server responds late, so the process would be idle most of the time.
  parallel: 8,
  async setup({ KAFKA_BROKERS }) {
    const kafka = new Kafka({ brokers: KAFKA_BROKERS.split(','), logLevel: 0 });
    const topic = `bench-topic-${process.pid}`;
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
    await admin.disconnect();
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    const consumer = kafka.consumer({ groupId: topic, maxWaitTimeInMs: 10 });
    await Promise.all([producer.connect(), consumer.connect()]);
    await consumer.subscribe({ topic, fromBeginning: true });
    const waiting = [];
    await consumer.run({ eachMessage: async () => waiting.shift()?.() });
    const messages = [{ value: 'message' }];
    return {
      run: () =>
        new Promise((resolve, reject) => {
          waiting.push(resolve);
          producer.send({ topic, messages }).catch(reject);
        }),
      close: async () => {
        await Promise.all([producer.disconnect(), consumer.disconnect()]);
      },
    };
  },
};
