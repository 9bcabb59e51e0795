const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');

// The agent's frames would replace the last frames of a stack.
Error.stackTraceLimit = 1;
const [library, scenario, folder] = process.argv.slice(2);
const load = createRequire(join(resolve(folder), 'package.json'));
const { AMQP_URL, KAFKA_BROKER, TOPIC } = process.env;
const sortNames = (object) => Reflect.ownKeys(object).map(String).sort();

/** Returns what an application can see of a function. */
const describe = (fn) => `${fn.name} ${fn.length}`;

const amqplib = {
  /** The properties and listeners of a channel, and the properties of a message. */
  async state(channel, queue) {
    channel.sendToQueue(queue, Buffer.from('1'), { type: 'plain' });
    channel.sendToQueue(queue, Buffer.from('2'), { headers: { mine: 1 }, CC: [] });
    const messages = [];
    await new Promise((done) => {
      channel.consume(queue, (message) => {
        channel.ack(message);
        if (messages.push(message) === 2) done();
      });
    });
    for (const { properties, fields } of messages) {
      console.log(JSON.stringify(properties), fields.deliveryTag, fields.exchange);
    }
    console.log(sortNames(channel), channel.eventNames().map(String).sort());
    console.log([channel.publish, channel.consume, channel.ack, channel.get].map(describe));
    await channel.connection.close();
  },
  /** Without a listener, an error of a consumer ends the process. */
  async thrown(channel, queue) {
    channel.sendToQueue(queue, Buffer.from('1'));
    await channel.consume(queue, () => {
      throw new TypeError('intentional');
    });
  },
  /** Node.js ends the process, because the rejection is unhandled. */
  async rejected(channel, queue) {
    channel.sendToQueue(queue, Buffer.from('1'));
    await channel.consume(queue, async () => {
      throw new Error('intentional');
    });
  },
  /** An uncaught error in a listener of the channel. */
  async missing(channel) {
    channel.on('error', ({ message }) => console.log(message));
    await channel.checkQueue('does-not-exist').catch(({ code }) => console.log(code));
    try {
      channel.sendToQueue('x', Buffer.from('1'));
    } catch (error) {
      console.log(error.name, error.message);
    }
    await channel.connection.close();
  },
  async exit(channel, queue) {
    channel.sendToQueue(queue, Buffer.from('1'));
    await channel.consume(queue, () => process.exit(7));
  },
};

async function runAmqplib() {
  const connection = await load('amqplib').connect(AMQP_URL);
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  await amqplib[scenario](channel, queue);
}

const kafkajs = {
  async state({ producer, consumer, kafka }) {
    console.log(sortNames(producer), sortNames(consumer), sortNames(kafka));
    console.log([producer.send, producer.sendBatch, consumer.run].map(describe));
    const sent = await producer.send({ topic: TOPIC, messages: [{ value: '1' }] });
    console.log(sent.length, sent[0].topicName, sent[0].errorCode);
    const error = await producer.send({ topic: TOPIC, messages: [{}] }).catch((each) => each);
    console.log(error.name, error.message);
    // Other runs have sent messages to the topic.
    const payload = await new Promise((done) => {
      void consumer.run({ eachMessage: async (each) => setImmediate(done, each) });
    });
    console.log(sortNames(payload), payload.message.headers);
    await Promise.all([producer.disconnect(), consumer.disconnect()]);
  },
  /** An uncaught error outside of the promise ends the process. */
  async thrown({ producer, consumer }) {
    await producer.send({ topic: TOPIC, messages: [{ value: '1' }] });
    await consumer.run({
      eachMessage: async () => {
        setImmediate(() => {
          throw new TypeError('intentional');
        });
      },
    });
  },
  /** An error that kafkajs doesn't retry stops the consumer. */
  async crash({ producer, consumer }) {
    await producer.send({ topic: TOPIC, messages: [{ value: '1' }] });
    consumer.on('consumer.crash', ({ payload }) => {
      // The new server is possibly not ready for consumers.
      if (payload.restart) return;
      console.log(payload.error.name, payload.error.message);
      void producer.disconnect();
    });
    await consumer.run({
      eachBatch: () => {
        throw new TypeError('intentional');
      },
    });
  },
};

async function runKafkajs() {
  const { Kafka, Partitioners } = load('kafkajs');
  const kafka = new Kafka({ brokers: [KAFKA_BROKER], logLevel: 0 });
  const createPartitioner = Partitioners.DefaultPartitioner;
  const producer = kafka.producer({ createPartitioner });
  const groupId = `group-${process.pid}`;
  const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 100 });
  await Promise.all([producer.connect(), consumer.connect()]);
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
  await kafkajs[scenario]({ kafka, producer, consumer });
}

void (library === 'amqplib' ? runAmqplib() : runKafkajs());
