const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');

const [scenario, library, folder] = process.argv.slice(2);
const Library = createRequire(join(resolve(folder), 'package.json'))(library);
const { REDIS_URL, QUEUE_NAME } = process.env;
const { hostname: host, port } = new URL(REDIS_URL);
const connection = { host, port: Number(port) };

/** Adds a job and processes it with any of the libraries. */
const adapters = {
  bullmq: () => {
    const queue = new Library.Queue(QUEUE_NAME, { connection });
    let worker;
    return {
      queue,
      add: (data) => queue.add('job', data),
      process: (handler) => {
        worker = new Library.Worker(QUEUE_NAME, handler, { connection });
        worker.on('failed', (_, error) => console.log('failed', error.message));
        worker.on('completed', (_, result) => console.log('completed', result));
      },
      close: async () => {
        await worker.close();
        await queue.close();
      },
    };
  },
  bull: () => {
    const queue = new Library(QUEUE_NAME, REDIS_URL);
    queue.on('failed', (_, error) => console.log('failed', error.message));
    queue.on('completed', (_, result) => console.log('completed', result));
    return {
      queue,
      add: (data) => queue.add('job', data),
      process: (handler) => void queue.process('job', handler),
      close: () => queue.close(),
    };
  },
  'bee-queue': () => {
    const queue = new Library(QUEUE_NAME, { redis: REDIS_URL });
    queue.on('failed', (_, error) => console.log('failed', error.message));
    queue.on('succeeded', (_, result) => console.log('completed', result));
    return {
      queue,
      add: (data) => queue.createJob(data).save(),
      process: (handler) => queue.process(handler),
      close: () => queue.close(),
    };
  },
};

const names = (object) => Reflect.ownKeys(object).map(String).sort().join();

async function main() {
  const { queue, add, process: start, close } = adapters[library]();
  let ended;
  const nextEnd = () => new Promise((done) => (ended = done));
  const { log } = console;
  console.log = (...args) => {
    log(...args);
    if (args[0] === 'completed' || args[0] === 'failed') ended();
  };
  const end = nextEnd();
  const job = await add({ room: 1 });
  log(names(job), names(job.opts ?? job.options), JSON.stringify(job.data));
  log(names(queue), queue.eventNames().map(String));
  start((each) => {
    if (each.data.room === 1) throw new Error('thrown by the processor');
    if (each.data.room === 3 && scenario === 'unhandled') {
      // The number of stack frames is limited, and the agent adds some.
      void Promise.reject(Object.assign(new Error('unhandled'), { stack: 'Error: unhandled' }));
      return new Promise(() => {});
    }
    if (each.data.room === 3 && scenario === 'uncaught') {
      setImmediate(() => {
        throw new Error('uncaught');
      });
      return new Promise(() => {});
    }
    if (each.data.room === 3 && scenario === 'exit') process.exit(7);
    log(names(each), names(each.opts ?? each.options));
    return Promise.resolve(each.data.room + 1);
  });
  await end;
  for (const room of [2, 3]) {
    const next = nextEnd();
    await add({ room });
    await next;
  }
  await close();
}
void main();
