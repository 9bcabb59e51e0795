const amqplib = require('amqplib');

/** Publishes one message, and waits until it is consumed and acknowledged. */
module.exports = {
  servers: ['rabbitmq'],
  // The server responds late, so the process would be idle most of the time.
  parallel: 8,
  async setup({ AMQP_URL }) {
    const connection = await amqplib.connect(AMQP_URL);
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue(`bench-${process.pid}`, { autoDelete: true });
    const content = Buffer.from('message');
    const waiting = [];
    await channel.consume(queue, (message) => {
      channel.ack(message);
      waiting.shift()?.();
    });
    return {
      run: () =>
        new Promise((resolve) => {
          waiting.push(resolve);
          channel.sendToQueue(queue, content);
        }),
      close: () => connection.close(),
    };
  },
};
