const { setTimeout: delay } = require('node:timers/promises');
const { withTenant } = require('perfscope');

const { SQS_ENDPOINT, QUEUE_PREFIX } = process.env;

/** Sends and receives messages in all ways that SQS has, and returns their IDs and what the application saw. */
module.exports = async function run(library) {
  const sqs = library.default ?? library;
  const client = new sqs.SQSClient({
    endpoint: SQS_ENDPOINT,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
  });
  const send = (name, input) => client.send(new sqs[`${name}Command`](input));
  const createQueue = async (name, Attributes) =>
    (await send('CreateQueue', { QueueName: `${QUEUE_PREFIX}-${name}`, Attributes })).QueueUrl;
  const main = await createQueue('main', { VisibilityTimeout: '60' });
  const expiring = await createQueue('expiring', { VisibilityTimeout: '1' });
  const idle = await createQueue('idle');
  const ids = {};
  const seen = {};

  await withTenant({ organizationId: 'acme' }, async () => {
    const input = { QueueUrl: main, MessageBody: 'tenant' };
    ids.tenant = (await send('SendMessage', input)).MessageId;
    seen.input = Object.keys(input);
    const attributes = { color: { DataType: 'String', StringValue: 'red' } };
    const withAttribute = {
      QueueUrl: main,
      MessageBody: 'attribute',
      MessageAttributes: attributes,
    };
    ids.attribute = (await send('SendMessage', withAttribute)).MessageId;
  });
  ids.plain = (await send('SendMessage', { QueueUrl: main, MessageBody: 'plain' })).MessageId;
  const batch = await send('SendMessageBatch', {
    QueueUrl: main,
    Entries: [
      { Id: 'a', MessageBody: 'first' },
      { Id: 'b', MessageBody: 'second' },
      { Id: 'c', MessageBody: 'third' },
    ],
  });
  ids.batch = batch.Successful.map(({ MessageId }) => MessageId);
  ids.expiring = (
    await send('SendMessage', { QueueUrl: expiring, MessageBody: 'expiring' })
  ).MessageId;
  await send('SendMessage', { QueueUrl: idle, MessageBody: 'delayed', DelaySeconds: 600 });

  const receive = async (count, more = {}) => {
    const messages = [];
    while (messages.length < count) {
      const input = { QueueUrl: main, MaxNumberOfMessages: 10, WaitTimeSeconds: 1, ...more };
      const { Messages = [] } = await send('ReceiveMessage', input);
      messages.push(...Messages);
    }
    return new Map(messages.map((message) => [message.MessageId, message]));
  };
  const names = ['SentTimestamp'];
  const first = await receive(6, { MessageAttributeNames: ['color'], AttributeNames: names });
  const shape = (message) => [
    Object.keys(message).filter((key) => !/^MD5/.test(key)),
    Object.keys(message.MessageAttributes ?? {}),
    Object.keys(message.Attributes ?? {}),
  ];
  seen.tenant = shape(first.get(ids.tenant));
  seen.attribute = shape(first.get(ids.attribute));
  seen.md5 = first.get(ids.attribute).MD5OfMessageAttributes;
  const toHandle = (messages, id) => messages.get(id).ReceiptHandle;
  const toEntry = (id) => ({ Id: id.slice(0, 8), ReceiptHandle: toHandle(first, id) });
  await send('DeleteMessage', { QueueUrl: main, ReceiptHandle: toHandle(first, ids.tenant) });
  await send('DeleteMessageBatch', {
    QueueUrl: main,
    Entries: [ids.attribute, ...ids.batch].map(toEntry),
  });
  await send('ChangeMessageVisibility', {
    QueueUrl: main,
    ReceiptHandle: toHandle(first, ids.plain),
    VisibilityTimeout: 0,
  });
  const second = await receive(1);
  seen.plain = shape(second.get(ids.plain));
  await send('DeleteMessage', { QueueUrl: main, ReceiptHandle: toHandle(second, ids.plain) });
  // The visibility timeout expires after the first receive.
  await receive(1, { QueueUrl: expiring });
  const third = await receive(1, { QueueUrl: expiring, VisibilityTimeout: 60 });
  await new Promise((resolve, reject) => {
    const input = { QueueUrl: expiring, ReceiptHandle: toHandle(third, ids.expiring) };
    const callback = (error) => (error ? reject(error) : resolve());
    client.send(new sqs.DeleteMessageCommand(input), callback);
  });
  const missing = { QueueUrl: `${main}-missing`, MessageBody: 'x' };
  seen.error = await send('SendMessage', missing).catch((error) => error.constructor.name);
  await delay(Number(process.env.WAIT_MS ?? 0));
  client.destroy();
  return { ids, seen };
};
