const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');
const { performanceMonitoringService, withTenant } = require('perfscope');

const { env, argv } = process;
const load = createRequire(join(resolve(argv[4]), 'package.json'));
const name = (queue) => `${env.PREFIX}.${queue}`;
const delay = (ms) => new Promise((done) => setTimeout(done, ms));

/** Consumes messages until `handle` returns true. */
function consume(channel, queue, handle, options) {
  return new Promise((done, fail) => {
    channel
      .consume(
        queue,
        (message) => {
          const result = handle(message);
          if (result === true) done(message);
          return result;
        },
        options,
      )
      .catch(fail);
  });
}

async function declare(channel, queue, options) {
  await channel.assertQueue(name(queue), { autoDelete: false, ...options });
  return name(queue);
}

const scenarios = {
  /** One message is acknowledged, one is returned once, and one is rejected. */
  async outcomes({ channel }) {
    const queue = await declare(channel, 'work');
    const options = Object.freeze({ headers: Object.freeze({ mine: 'x' }), priority: 3 });
    withTenant({ organizationId: 'acme', propertyId: 'p1' }, () => {
      channel.sendToQueue(queue, Buffer.from('ack'), options);
    });
    channel.sendToQueue(queue, Buffer.from('return'), {});
    channel.sendToQueue(queue, Buffer.from('reject'));
    await channel.prefetch(1);
    const headers = [];
    let handled = 0;
    await consume(channel, queue, (message) => {
      headers.push({ ...message.properties.headers });
      const text = String(message.content);
      if (text === 'return' && !message.fields.redelivered) channel.nack(message);
      else if (text === 'reject') channel.reject(message, false);
      else channel.ack(message);
      handled += 1;
      return handled === 4;
    });
    return { headers };
  },
  /** Only the consumers know the queues of an exchange. */
  async exchange({ connection, channel }) {
    const confirms = await connection.createConfirmChannel();
    await channel.assertExchange(name('events'), 'fanout');
    const [a, b] = [await declare(channel, 'a'), await declare(channel, 'b')];
    for (const queue of [a, b]) await channel.bindQueue(queue, name('events'), '');
    let confirmed = 0;
    for (const text of ['1', '2']) {
      confirms.publish(name('events'), `user-${text}`, Buffer.from(text), {}, () => {
        confirmed += 1;
      });
    }
    confirms.publish(name('events'), 'user-3', Buffer.from('3'));
    await confirms.waitForConfirms();
    let sync = 0;
    await consume(channel, a, () => ++sync === 3, { noAck: true });
    let ended = 0;
    await new Promise((done) => {
      const handle = async () => {
        await delay(20);
        if (++ended === 3) done();
      };
      void channel.consume(b, handle, { noAck: true });
    });
    await confirms.close();
    return { confirmed };
  },
  /** Messages that the application fetches. */
  async get({ channel }) {
    const queue = await declare(channel, 'get');
    for (const text of ['1', '2']) channel.sendToQueue(queue, Buffer.from(text));
    channel.ack(await channel.get(queue));
    await channel.get(queue, { noAck: true });
    return { empty: await channel.get(queue) };
  },
  /** Several messages are acknowledged or rejected at once. */
  async several({ connection }) {
    const channel = await connection.createChannel();
    const queue = await declare(channel, 'several');
    for (let i = 0; i < 6; i++) channel.sendToQueue(queue, Buffer.from(String(i)));
    const messages = [];
    await consume(channel, queue, (message) => messages.push(message) === 6);
    channel.ack(messages[2], true);
    channel.nack(messages[3], false, false);
    channel.ackAll();
    await channel.close();
  },
  /** The server delivers a message again, because the channel is closed. */
  async closed({ connection }) {
    const [first, second] = [await connection.createChannel(), await connection.createChannel()];
    const queue = await declare(first, 'closed');
    first.sendToQueue(queue, Buffer.from('1'));
    await consume(first, queue, () => true);
    await first.close();
    const { fields } = await consume(second, queue, (message) => {
      second.ack(message);
      return true;
    });
    await second.close();
    return { redelivered: fields.redelivered };
  },
  /** An error in the callback closes the channel. */
  async thrown({ connection }) {
    const channel = await connection.createChannel();
    const errors = [];
    channel.on('error', ({ message }) => errors.push(message));
    const queue = await declare(channel, 'thrown');
    channel.sendToQueue(queue, Buffer.from('1'));
    const closed = new Promise((done) => channel.once('close', done));
    await channel.consume(queue, () => {
      throw new TypeError('intentional');
    });
    await closed;
    return { errors };
  },
  /** A rejected message goes to another queue. */
  async deadLetter({ channel }) {
    const dead = await declare(channel, 'dead');
    const options = { deadLetterExchange: '', deadLetterRoutingKey: dead };
    const queue = await declare(channel, 'rejects', options);
    channel.sendToQueue(queue, Buffer.from('1'));
    await consume(channel, queue, (message) => {
      channel.reject(message, false);
      return true;
    });
    const { properties } = await consume(channel, dead, (message) => {
      channel.ack(message);
      return true;
    });
    return { deaths: properties.headers['x-death'].length };
  },
  /** A request with a reply in a queue that the server names. */
  async replies({ channel }) {
    const queue = await declare(channel, 'rpc');
    const replied = consume(channel, 'amq.rabbitmq.reply-to', () => true, { noAck: true });
    await channel.consume(queue, (message) => {
      channel.sendToQueue(message.properties.replyTo, Buffer.from('reply'));
      channel.ack(message);
    });
    channel.sendToQueue(queue, Buffer.from('1'), { replyTo: 'amq.rabbitmq.reply-to' });
    await replied;
    const own = await channel.assertQueue('', { exclusive: true });
    channel.sendToQueue(own.queue, Buffer.from('1'));
    await consume(channel, own.queue, (message) => {
      channel.ack(message);
      return true;
    });
  },
  async returned({ connection }) {
    const channel = await connection.createChannel();
    const returned = new Promise((done) => channel.once('return', done));
    channel.sendToQueue(name('missing'), Buffer.from('1'), { mandatory: true });
    const { fields } = await returned;
    await channel.close();
    return { replyText: fields.replyText };
  },
  async callbacks() {
    const { connect } = load('amqplib/callback_api');
    const run = (start) =>
      new Promise((done, fail) => {
        start((error, value) => (error ? fail(error) : done(value)));
      });
    const connection = await run((done) => connect(env.AMQP_URL, done));
    const channel = await run((done) => connection.createConfirmChannel(done));
    const queue = name('callbacks');
    await run((done) => channel.assertQueue(queue, {}, done));
    for (const text of ['1', '2', '3']) {
      await run((done) => channel.sendToQueue(queue, Buffer.from(text), {}, done));
    }
    const message = await run((done) => channel.get(queue, {}, done));
    channel.ack(message);
    await new Promise((done) => {
      let handled = 0;
      channel.consume(queue, (each) => {
        channel.ack(each);
        if (++handled === 2) done();
      });
    });
    await run((done) => connection.close(done));
    return { text: String(message.content) };
  },
  /** More messages than the agent stores rows for. */
  async many({ channel }) {
    const queue = await declare(channel, 'many');
    await channel.prefetch(0);
    for (let i = 0; i < 500; i++) channel.sendToQueue(queue, Buffer.from(String(i)));
    let handled = 0;
    await consume(channel, queue, (message) => {
      channel.ack(message);
      return ++handled === 500;
    });
  },
  /** Two messages stay in their queue. */
  async backlog({ channel }) {
    const queue = await declare(channel, 'backlog');
    await channel.assertExchange(name('backlogs'), 'fanout');
    await channel.bindQueue(queue, name('backlogs'), '');
    for (const text of ['1', '2', '3']) channel.publish(name('backlogs'), '', Buffer.from(text));
    channel.ack(await channel.get(queue));
    await channel.checkQueue(queue);
    await performanceMonitoringService.flush();
    return await channel.checkQueue(queue);
  },
};

module.exports = async function run(amqplib) {
  const { connect } = amqplib.default ?? amqplib;
  const connection = await connect(env.AMQP_URL);
  const channel = await connection.createChannel();
  const results = {};
  for (const [key, scenario] of Object.entries(scenarios)) {
    results[key] = await scenario({ connection, channel });
  }
  await connection.close();
  return results;
};
