const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');
const { withTenant } = require('perfscope');

// The agent's frames would replace the last frames of a stack.
Error.stackTraceLimit = 1;
const [library, scenario, folder] = process.argv.slice(2);
const load = createRequire(join(resolve(folder), 'package.json'));
const { DATABASE_URL, SQS_ENDPOINT } = process.env;
const QUEUE = `safety-${process.pid}`;
const sortNames = (object) => Reflect.ownKeys(object).map(String).sort().join();
/** Returns what an application can see of a function. */
const describe = (fn) => `${fn.name} ${fn.length}`;
const inTenant = (fn) => withTenant({ organizationId: 'acme' }, fn);

/** What a handler does after it printed its job. */
const ends = {
  state: () => {},
  /** Node.js ends the process, because the rejection is unhandled. */
  rejected: () => void Promise.reject(new TypeError('intentional')),
  thrown: () => {
    setImmediate(() => {
      throw new TypeError('intentional');
    });
  },
  exit: () => process.exit(7),
  /** The test ends the process. */
  killed: () => console.log('ready'),
};

async function runPgBoss() {
  const loaded = load('pg-boss');
  const PgBoss = loaded.PgBoss ?? loaded;
  const schema = `safety_${process.pid}`;
  const boss = new PgBoss({ connectionString: DATABASE_URL, schema, supervise: false });
  boss.on('error', ({ message }) => console.log('error', message));
  await boss.start();
  for (const queue of ['mail', 'manual']) await boss.createQueue(queue);
  const data = { address: 'a' };
  const id = await inTenant(() => boss.send('mail', data, { retryLimit: 1 }));
  console.log(JSON.stringify(data));
  let attempts = 0;
  const polling = { pollingIntervalSeconds: 0.5 };
  const finished = new Promise((done) => {
    void boss.work('mail', polling, ([job]) => {
      console.log(JSON.stringify(job.data), Object.keys(job).join());
      ends[scenario]();
      if (scenario !== 'state') return new Promise(() => {});
      attempts += 1;
      if (attempts === 1) throw new TypeError('not ready');
      setTimeout(done, 300);
      return { sent: true };
    });
  });
  if (scenario !== 'state') return;
  await finished;
  const job = await boss.getJobById('mail', id);
  console.log(JSON.stringify([job.data, job.state, job.retryCount, job.output]), sortNames(job));
  await inTenant(() => boss.send('manual', { n: [1] }));
  // Version 10 has no arrays.
  await inTenant(() => boss.send('manual', ['array'])).catch(({ code }) => console.log(code));
  await boss.send('manual', null);
  for (const options of [undefined, { includeMetadata: true }]) {
    const [fetched] = await boss.fetch('manual', options);
    console.log(JSON.stringify(fetched.data), Object.keys(fetched).join());
    await boss.complete('manual', fetched.id);
  }
  await boss.send('missing', {}).catch(({ message }) => console.log(message));
  const names = ['send', 'insert', 'work', 'fetch', 'complete', 'fail'];
  console.log(sortNames(boss), boss.eventNames().join());
  console.log(names.map((name) => describe(boss[name])).join());
  await boss.stop({ graceful: false });
}

async function runSqs() {
  const sqs = load('@aws-sdk/client-sqs');
  const client = new sqs.SQSClient({
    endpoint: SQS_ENDPOINT,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
  });
  const send = (name, input) => client.send(new sqs[`${name}Command`](input));
  const { QueueUrl } = await send('CreateQueue', { QueueName: QUEUE });
  const MessageAttributes = { color: { DataType: 'String', StringValue: 'red' } };
  const inputs = [
    { QueueUrl, MessageBody: 'with attributes', MessageAttributes },
    { QueueUrl, MessageBody: 'plain' },
  ];
  /** Prints everything except random IDs and times. */
  const print = ({ MessageId, ReceiptHandle, $metadata, Attributes, ...others }) => {
    const types = [typeof MessageId, typeof ReceiptHandle, Object.keys(Attributes ?? {})];
    console.log(JSON.stringify(others), types.join());
  };
  const receiveTwo = async (names) => {
    const messages = [];
    while (messages.length < 2) {
      const input = { QueueUrl, WaitTimeSeconds: 5, MaxNumberOfMessages: 2, ...names };
      const { Messages = [] } = await send('ReceiveMessage', input);
      messages.push(...Messages);
    }
    return messages.sort((a, b) => b.Body.localeCompare(a.Body));
  };
  for (const input of inputs) {
    print(await inTenant(() => send('SendMessage', input)));
    console.log(JSON.stringify({ ...input, QueueUrl: '' }));
  }
  for (const message of await receiveTwo({})) {
    print(message);
    ends[scenario]();
    await send('DeleteMessage', { QueueUrl, ReceiptHandle: message.ReceiptHandle });
  }
  const Entries = inputs.map(({ QueueUrl: _, ...entry }, i) => ({ Id: `${i}`, ...entry }));
  const { Successful } = await inTenant(() => send('SendMessageBatch', { QueueUrl, Entries }));
  Successful.sort((a, b) => a.Id - b.Id).forEach(print);
  const names = { MessageAttributeNames: ['All'], AttributeNames: ['SentTimestamp'] };
  (await receiveTwo(names)).forEach(print);
  const missing = { QueueUrl: `${QueueUrl}-missing`, MessageBody: 'x' };
  await send('SendMessage', missing).catch(({ name, message }) => console.log(name, message));
  console.log(await send('SendMessage', {}).catch(({ name }) => name));
  console.log(sortNames(client), describe(client.send), describe(client.destroy));
  client.destroy();
}

void (library === 'pg-boss' ? runPgBoss() : runSqs());
