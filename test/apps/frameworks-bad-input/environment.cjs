// Sends two requests to each copy of a framework in an unusual process: with flags, replaced globals, or another agent.
const { send, start } = require('./servers.cjs');

const [scenario, library, ...folders] = process.argv.slice(2);
const notes = [];

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
    notes.push(`calls of ${name}: ${calls > 0}`);
  };
}

function patchServer() {
  const http = require('node:http');
  const restore = [
    patch(http.Server.prototype, 'emit'),
    patch(http.ServerResponse.prototype, 'writeHead'),
    patch(http.ServerResponse.prototype, 'end'),
    patch(http, 'request'),
    patch(http, 'get'),
  ];
  return () => {
    for (const each of restore.reverse()) each();
  };
}

function subscribe() {
  const channels = require('node:diagnostics_channel');
  let calls = 0;
  const count = () => {
    calls += 1;
  };
  const names = ['http.server.request.start', 'http.server.response.finish'];
  for (const name of names) channels.subscribe(name, count);
  return () => {
    for (const name of names) channels.unsubscribe(name, count);
    notes.push(`messages: ${calls > 0}`);
  };
}

/** Another implementation of promises, as some libraries have it. */
class OtherPromise extends Promise {}

const replacements = {
  plain: () => {},
  patch: patchServer,
  channels: subscribe,
  promise: () => {
    globalThis.Promise = OtherPromise;
  },
  json: () => {
    const { stringify } = JSON;
    JSON.stringify = (...args) => stringify(...args);
  },
  clocks: () => {
    performance.now = () => 0;
    Date.now = () => 0;
  },
  failingClocks: () => {
    performance.now = () => {
      throw new Error('performance.now');
    };
  },
  timers: () => {
    globalThis.setTimeout = () => ({ unref() {}, ref() {} });
    globalThis.setImmediate = () => ({});
  },
  fetch: () => {
    globalThis.fetch = () => Promise.reject(new Error('no network'));
  },
};

async function main() {
  const [kind, moment] = scenario.split(' ');
  let restore;
  if (moment !== 'later') restore = replacements[kind]();
  for (const folder of folders) {
    const { port, close } = await start(library, folder, (id) => id);
    console.log(await send(port, '/rooms/1'));
    if (moment === 'later') restore ??= replacements[kind]();
    console.log(await send(port, '/rooms/2?guest=1'));
    console.log(await send(port, '/unknown'));
    close();
  }
  restore?.();
  console.log(notes.join('\n'));
  console.log('done');
}
main();
