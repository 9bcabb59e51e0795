const { randomUUID } = require('node:crypto');
const { createRequire } = require('node:module');
const { join, resolve } = require('node:path');
const { pathToFileURL } = require('node:url');
const { withTenant } = require('perfscope');

const [scenario, folder] = process.argv.slice(2);
const load = createRequire(join(resolve(folder), 'package.json'));
const sortNames = (object) => Reflect.ownKeys(object).map(String).sort().join();
/** Returns what an application can see of a method. Not all versions have the same methods. */
const describe = (object, name) => `${name} ${object[name]?.name} ${object[name]?.length}`;

/** What the last job does. */
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
};

async function createAgenda(mongo) {
  const url = pathToFileURL(load.resolve('agenda')).href;
  const library = await import(url);
  const Agenda = library.Agenda ?? library.default.Agenda ?? library.default;
  const options = { processEvery: 200, defaultLockLifetime: 4000 };
  if (!('nowDebounced' in Agenda.prototype)) {
    const agenda = new Agenda({ mongo, ...options });
    await agenda._ready;
    return agenda;
  }
  const { MongoBackend } = await import(
    pathToFileURL(load.resolve('@agendajs/mongo-backend')).href
  );
  const agenda = new Agenda({ backend: new MongoBackend({ mongo }), ...options });
  await agenda.ready;
  return agenda;
}

async function main() {
  const client = await load('mongodb').MongoClient.connect(process.env.MONGODB_URL);
  const agenda = await createAgenda(client.db(`safety_${randomUUID()}`));
  console.log(sortNames(agenda), agenda.eventNames().map(String));
  for (const name of ['define', 'now', 'every', 'start', 'stop', 'jobs', 'cancel'])
    console.log(describe(agenda, name));
  const failed = new Promise((done) => {
    agenda.on('fail', (error, { attrs }) => done(console.log('fail', error.message, attrs.name)));
  });
  const job = agenda.create('mail', {});
  console.log(describe(job, 'run'), describe(job, 'save'), describe(job, 'fail'));
  const seen = new Set();
  const define = (name, run) => {
    const ended = new Promise((done) => {
      agenda.define(name, async (job) => {
        // FerretDB doesn't lock jobs atomically, so a job can run twice.
        if (seen.has(name)) return;
        seen.add(name);
        console.log(
          name,
          sortNames(job),
          JSON.stringify(job.attrs.data),
          sortNames(job.toJSON?.() ?? job.attrs),
        );
        done();
        await run();
      });
    });
    return ended;
  };
  const mailed = define('mail', () => {});
  define('failing', () => {
    throw new RangeError('mail failed');
  });
  const ended = define('last', () => {
    // The agent's frames would replace the last frames of a stack.
    Error.stackTraceLimit = 1;
    ends[scenario]();
  });
  await agenda.start();
  await withTenant({ organizationId: 'acme' }, () => agenda.now('mail', { address: 'a' }));
  await mailed;
  await agenda.now('failing', {});
  await failed;
  await agenda.now('last', {});
  await ended;
  if (scenario !== 'state') return;
  await agenda.stop();
  await client.close();
}
void main();
