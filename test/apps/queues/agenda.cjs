const { createRequire } = require('node:module');
const { setTimeout: delay } = require('node:timers/promises');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { withTenant } = require('perfscope');

const { MONGODB_URL, DATABASE, FOLDER } = process.env;

/** Adds and runs jobs in all ways that Agenda has, and returns their IDs. */
module.exports = async function run(library) {
  const load = createRequire(join(FOLDER, 'package.json'));
  const { MongoClient } = load('mongodb');
  const client = await MongoClient.connect(MONGODB_URL);
  const mongo = client.db(DATABASE);
  const agenda = await createAgenda(library, load, mongo);
  const is6 = agenda.backend !== undefined;
  const runs = new Map();
  // FerretDB doesn't lock jobs atomically, so a job can run twice.
  const count = ({ attrs }) => {
    for (const key of [attrs.name, String(attrs._id)]) runs.set(key, (runs.get(key) ?? 0) + 1);
  };
  const seen = [];
  agenda.define('mail', async (job) => {
    seen.push(Object.keys(job.attrs).includes('perfscope'));
    await delay(20);
    count(job);
    if (job.attrs.data?.fails) throw new TypeError('mail failed');
  });
  agenda.define('callback', (job, done) => {
    setTimeout(() => {
      count(job);
      done();
    }, 20);
  });
  agenda.define('by-hand', async (job) => {
    job.fail('by hand');
    count(job);
  });
  agenda.define('recurring', async (job) => {
    await delay(10);
    count(job);
  });
  const backoff = ({ attempt }) => (attempt < 2 ? 100 : null);
  const retried = async (job) => {
    count(job);
    if (runs.get('retried') < 2) throw new RangeError('try again');
  };
  if (is6) agenda.define('retried', retried, { backoff });
  agenda.define('idle', { concurrency: 1 }, async () => {});

  await mongo.collection('other').insertOne({ application: 1 });
  const ids = {};
  const toId = ({ attrs }) => String(attrs._id);
  await withTenant({ organizationId: 'acme' }, async () => {
    ids.ok = toId(await agenda.now('mail', { address: 'a' }));
  });
  ids.failed = toId(await agenda.now('mail', { fails: true }));
  ids.later = toId(await agenda.schedule(new Date(Date.now() + 700), 'mail', { address: 'b' }));
  ids.callback = toId(await agenda.create('callback', {}).save());
  ids.byHand = toId(await agenda.now('by-hand'));
  if (is6) ids.retried = toId(await agenda.now('retried'));
  ids.idleLater = toId(await agenda.schedule(new Date(Date.now() + 600_000), 'idle'));
  await agenda.create('disabled', {}).disable().save();
  const recurring = await agenda.every('0.3 seconds', 'recurring');
  ids.recurring = toId(recurring);
  await agenda.start();

  const isDone = () =>
    [ids.ok, ids.failed, ids.later, ids.callback, ids.byHand].every((id) => runs.has(id)) &&
    runs.get('recurring') >= 2 &&
    (!is6 || runs.get('retried') >= 2);
  const deadline = Date.now() + 30_000;
  while (!isDone()) {
    if (Date.now() > deadline) throw new Error(JSON.stringify(Object.fromEntries(runs)));
    await delay(20);
  }
  await agenda.cancel({ name: 'recurring' });
  // The agent reads the depth in the meantime.
  await delay(1500);
  const listed = is6
    ? []
    : (await agenda.jobs({ name: 'mail' })).map(({ attrs }) =>
        Object.keys(attrs).includes('perfscope'),
      );
  await agenda.stop();
  await client.close();
  return { ids, runs: Object.fromEntries(runs), seen, listed };
};

async function createAgenda(library, load, mongo) {
  const processEvery = 400;
  const Agenda = library.Agenda ?? library.default?.Agenda ?? library.default;
  if (!('nowDebounced' in Agenda.prototype)) {
    const agenda = new Agenda({ mongo });
    agenda.processEvery(processEvery);
    await agenda._ready;
    return agenda;
  }
  const { MongoBackend } = await import(
    pathToFileURL(load.resolve('@agendajs/mongo-backend')).href
  );
  const agenda = new Agenda({
    backend: new MongoBackend({ mongo }),
    processEvery,
    defaultLockLifetime: 4000,
  });
  await agenda.ready;
  return agenda;
}
