// Patches Node.js and web frameworks with wrappers as another agent creates them.
const http = require('node:http');
const Module = require('node:module');
const { subscribe } = require('node:diagnostics_channel');

const calls = {};
const undo = [];
const count = (name) => {
  calls[name] = (calls[name] ?? 0) + 1;
};

function wrap(target, name, shouldCount = () => true) {
  const original = target[name];
  if (typeof original !== 'function') return;
  const wrapped = function (...args) {
    if (shouldCount(...args)) count(name);
    return original.apply(this, args);
  };
  wrapped.__original = original;
  wrapped.__wrapped = true;
  target[name] = wrapped;
  undo.push(() => {
    if (target[name] === wrapped) target[name] = original;
  });
}

/** Patches a framework when it is loaded. */
const FRAMEWORKS = {
  express(exports) {
    for (const name of ['handle', 'use', 'route']) {
      wrap(exports.Router.prototype.handle ? exports.Router.prototype : exports.Router, name);
    }
    wrap(exports.application, 'handle');
  },
  koa: (exports) => wrap((exports.default ?? exports).prototype, 'createContext'),
  '@koa/router'(exports) {
    const { prototype } = exports.Router ?? exports.default ?? exports;
    wrap(prototype, 'register');
    wrap(prototype, 'middleware');
  },
  '@nestjs/core': (exports) => wrap(Object.getPrototypeOf(exports.NestFactory), 'create'),
};
const patched = new Set();

wrap(http.Server.prototype, 'emit', (event) => event === 'request');
wrap(http.ServerResponse.prototype, 'writeHead');
wrap(http.ServerResponse.prototype, 'end');
wrap(http.IncomingMessage.prototype, '_destroy', () => false);
wrap(globalThis, 'fetch');
const load = Module._load;
const patchedLoad = function (...args) {
  const exports = load.apply(this, args);
  const patch = FRAMEWORKS[args[0]];
  if (patch && !patched.has(exports)) {
    patched.add(exports);
    patch(exports);
  }
  return exports;
};
Module._load = patchedLoad;
undo.push(() => {
  if (Module._load === patchedLoad) Module._load = load;
});
for (const name of [
  ...['http.server.request.start', 'http.server.response.finish', 'http.server.response.created'],
  ...['undici:request:create', 'undici:request:headers', 'undici:request:trailers'],
  ...['fastify.initialization', 'tracing:fastify.request.handler:start', 'express.router.request'],
]) {
  subscribe(name, () => count(name));
}

/** Restores the methods that nothing else has patched, and returns the number of calls of each method. */
module.exports.uninstall = () => {
  for (const each of undo.splice(0)) each();
  return JSON.stringify(Object.entries(calls).sort());
};
