// Serves and sends requests in an unusual process: with several copies, another agent, replaced globals, or flags.
const { createRequire } = require('node:module');
const { join } = require('node:path');
const { note, run } = require('../noted-program.cjs');
const usualReplacements = require('../usual-replacements.cjs');
const { createListener } = require('./listeners.cjs');
const { close, send, serve } = require('./exchange.cjs');

const [scenario, framework, undiciFolder, ...folders] = process.argv.slice(2);
const [kind, moment] = scenario.split(' ');

const fail = (text) => () => {
  throw new Error(text);
};
const wrapGlobal = (name) => {
  const original = globalThis[name];
  globalThis[name] = Object.assign((...args) => original(...args), original);
};

/** Replacements that most applications survive, as other agents and test tools make them. */
const wrappers = {
  ...usualReplacements,
  fetch: () => wrapGlobal('fetch'),
  timers() {
    for (const name of ['queueMicrotask', 'setTimeout', 'setImmediate', 'setInterval']) {
      wrapGlobal(name);
    }
  },
  classes() {
    for (const name of ['URL', 'AbortController', 'Request', 'Response', 'Headers']) {
      globalThis[name] = { [name]: class extends globalThis[name] {} }[name];
    }
  },
};
const replacements = {
  ...wrappers,
  all() {
    for (const replace of Object.values(wrappers)) replace();
  },
  failing() {
    Date.now = fail('no date');
    performance.now = fail('no clock');
    globalThis.URL = fail('no URL');
    globalThis.AbortController = fail('no controller');
    globalThis.setInterval = fail('no interval');
  },
  timersThatNeverFire() {
    const timer = {
      ref: () => timer,
      unref: () => timer,
      hasRef: () => false,
      refresh: () => timer,
    };
    for (const name of ['setTimeout', 'setInterval']) globalThis[name] = () => timer;
  },
};

async function attempt(name, call) {
  try {
    note(name, await call());
  } catch (error) {
    const { message, cause } = error;
    note(name, 'failed', message.replace(/:\d+/, ''), cause?.message);
  }
}

/** Sends one request with each client. */
async function exchange(server, undici) {
  const url = `http://127.0.0.1:${server.address().port}/api/room`;
  const headers = { connection: 'close' };
  await send(server, '/api/room');
  await attempt('fetch', async () => (await fetch(url, { headers })).text());
  await attempt('undici', async () => (await undici.request(url, { headers })).body.text());
}

run(async () => {
  const otherAgent = kind === 'agent' ? require('./other-agent.cjs') : undefined;
  if (moment === 'first') replacements[kind]();
  const undici = createRequire(join(undiciFolder, 'program.cjs'))('undici');
  undici.setGlobalDispatcher(new undici.Agent({ pipelining: 0 }));
  const servers = [];
  for (const folder of folders) {
    servers.push(await serve(await createListener(framework, folder, (name) => `handled ${name}`)));
  }
  for (const server of servers) await exchange(server, undici);
  if (moment === 'later') replacements[kind]();
  if (otherAgent) note('other agent', otherAgent.uninstall());
  for (const server of servers) await exchange(server, undici);
  for (const server of servers) await close(server);
});
