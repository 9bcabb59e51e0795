const { writeFileSync } = require('node:fs');

const { env } = process;
const COUNT = 30;
const delay = (ms) => new Promise((done) => setTimeout(done, ms));

async function connect(amqplib) {
  for (;;) {
    try {
      const connection = await amqplib.connect(env.AMQP_URL);
      // Without a listener, the lost connection ends the process.
      connection.on('error', () => {});
      return connection;
    } catch {
      await delay(100);
    }
  }
}

/** Returns a message to its queue 300 times, as a consumer does that can never process it. */
async function runPoison(connection) {
  const channel = await connection.createChannel();
  const queue = `${env.PREFIX}.poison`;
  await channel.assertQueue(queue);
  channel.sendToQueue(queue, Buffer.from('poison'));
  let returned = 0;
  await new Promise((done) => {
    void channel.consume(queue, (message) => {
      if (returned === 300) {
        channel.ack(message);
        done();
        return;
      }
      returned += 1;
      channel.nack(message);
    });
  });
  await channel.close();
  return returned;
}

/** The server restarts while ten messages are processed. */
module.exports = async function run(library) {
  const amqplib = library.default ?? library;
  const queue = `${env.PREFIX}.restart`;
  const connection = await connect(amqplib);
  const returned = await runPoison(connection);
  const producer = await connection.createConfirmChannel();
  await producer.assertQueue(queue, { durable: true });
  for (let i = 0; i < COUNT; i++) {
    producer.sendToQueue(queue, Buffer.from(String(i)), { persistent: true });
  }
  await producer.waitForConfirms();

  let delivered = 0;
  const channel = await connection.createChannel();
  await channel.prefetch(10);
  const held = [];
  const closed = new Promise((done) => channel.once('close', done));
  await new Promise((done) => {
    void channel.consume(queue, (message) => {
      delivered += 1;
      if (delivered <= 10) channel.ack(message);
      else if (held.push(message) === 10) done();
    });
  });
  await channel.checkQueue(queue);
  writeFileSync(env.READY_FILE, '');
  await closed;

  const next = await (await connect(amqplib)).createChannel();
  let acknowledged = 10;
  await new Promise((done) => {
    void next.consume(queue, (message) => {
      delivered += 1;
      next.ack(message);
      acknowledged += 1;
      if (acknowledged === COUNT) done();
    });
  });
  await next.connection.close(() => {});
  return { returned, delivered, held: held.length, acknowledged };
};
