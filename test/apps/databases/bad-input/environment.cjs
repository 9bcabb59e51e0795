// Runs two commands per copy of a library in an unusual process: with flags, replaced globals, or another agent.
const { note, run } = require('../../noted-program.cjs');
const usualReplacements = require('../../usual-replacements.cjs');
const { load, open } = require('./clients.cjs');

const [scenario, library, ...folders] = process.argv.slice(2);

/** The method through which all statements of a library pass, as other agents patch it. */
const findMethod = {
  pg: (folder) => [load(folder, 'pg').Client.prototype, 'query'],
  postgres: () => [{ query() {} }, 'query'],
  mysql2: (folder) => [load(folder, 'mysql2').Connection.prototype, 'query'],
  ioredis: (folder) => [load(folder, 'ioredis').Redis.prototype, 'sendCommand'],
  redis: (folder) => [
    load(folder, '@redis/client/dist/lib/client/commands-queue.js').default.prototype,
    'addCommand',
  ],
};

/** Patches a method like shimmer. Returns a function that restores it. */
function patch(target, name) {
  const original = target[name];
  let calls = 0;
  target[name] = function (...args) {
    calls += 1;
    return original.apply(this, args);
  };
  return () => {
    target[name] = original;
    note('calls of the other agent', calls);
  };
}

function patchLoad() {
  const Module = require('node:module');
  const original = Module._load;
  let calls = 0;
  Module._load = function (...args) {
    const exports = original.apply(this, args);
    if (args[0] === library) calls += 1;
    return exports;
  };
  return () => {
    Module._load = original;
    note('loads', calls);
  };
}

function subscribe() {
  const { subscribe } = require('node:diagnostics_channel');
  let calls = 0;
  for (const name of ['ioredis:command', 'mysql2:query', 'node-redis:command'])
    for (const event of ['start', 'asyncEnd', 'error'])
      subscribe(`tracing:${name}:${event}`, () => {
        calls += 1;
      });
  return () => note('messages', calls);
}

/** Another implementation of promises, as some libraries have it. */
class OtherPromise {
  #promise;
  constructor(executor) {
    this.#promise = new NativePromise(executor);
  }
  // biome-ignore lint/suspicious/noThenProperty: this class is a promise.
  then(...handlers) {
    return new OtherPromise((done) => done(this.#promise.then(...handlers)));
  }
  catch(handler) {
    return this.then(undefined, handler);
  }
  finally(handler) {
    return new OtherPromise((done) => done(this.#promise.finally(handler)));
  }
}
const NativePromise = Promise;
for (const name of ['resolve', 'reject', 'all', 'allSettled', 'race'])
  OtherPromise[name] = (value) => new OtherPromise((done) => done(NativePromise[name](value)));

const replacements = {
  ...usualReplacements,
  promise() {
    globalThis.Promise = OtherPromise;
  },
  failingClocks() {
    Date.now = () => {
      throw new Error('no date');
    };
    performance.now = () => {
      throw new Error('no clock');
    };
  },
  queueMicrotask() {
    const original = queueMicrotask;
    globalThis.queueMicrotask = (callback) => original(() => callback());
  },
  timers() {
    const original = setTimeout;
    globalThis.setTimeout = Object.assign((...args) => original(...args), original);
  },
};

const runTwice = async ({ run }) => {
  for (let i = 0; i < 2; i++) note(JSON.stringify(await run()));
};

run(async () => {
  const [kind, moment] = scenario.split(' ');
  if (kind === 'plain') {
    const clients = [];
    for (const folder of folders) clients.push(await open(library, folder));
    for (const client of clients) await runTwice(client);
    for (const { close } of clients) await close();
  } else if (kind === 'agent') {
    const undo = [];
    if (moment === 'load') undo.push(patchLoad());
    if (moment === 'channels') undo.push(subscribe());
    for (const folder of folders) {
      if (moment === 'patch') undo.push(patch(...findMethod[library](folder)));
      const client = await open(library, folder);
      await client.run();
      for (const each of undo.splice(0)) each();
      await client.run();
      await client.close();
    }
  } else {
    if (moment === 'first') replacements[kind]();
    const client = await open(library, folders[0]);
    await client.run();
    if (moment === 'later') replacements[kind]();
    await client.run();
    await client.close();
  }
});
