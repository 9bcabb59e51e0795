// Replaces the functions that send requests, and subscribes to the channels of Node's clients. Sends no requests of
// its own, so everything that it prints comes from the agent. Ends when the file in the first argument exists.
const { existsSync } = require('node:fs');
const dns = require('node:dns');
const http = require('node:http');
const net = require('node:net');
const { subscribe } = require('node:diagnostics_channel');
const { PerformanceObserver } = require('node:perf_hooks');

// `net.client.socket` isn't in the list, because Node.js publishes every socket there.
const CHANNELS = [
  'http.client.request.created',
  'http.client.request.start',
  'http.client.request.error',
  'http.client.response.finish',
  'undici:request:create',
  'undici:client:beforeConnect',
  'undici:client:sendHeaders',
];

const seen = [];
for (const [object, name] of [
  [globalThis, 'fetch'],
  [http, 'request'],
  [http, 'get'],
  [http, 'ClientRequest'],
  [http.Agent.prototype, 'createConnection'],
  [http.globalAgent, 'addRequest'],
  [net, 'connect'],
  [net, 'createConnection'],
  [net, 'Socket'],
  [net.Socket.prototype, 'connect'],
  [net.Socket.prototype, 'write'],
  [dns, 'lookup'],
]) {
  const real = object[name];
  object[name] = function (...args) {
    seen.push(name);
    return new.target ? Reflect.construct(real, args) : Reflect.apply(real, this, args);
  };
}
for (const channel of CHANNELS) subscribe(channel, () => seen.push(channel));
new PerformanceObserver((list) => {
  for (const { name } of list.getEntries()) seen.push(`entry ${name}`);
}).observe({ entryTypes: ['http'] });

process.on('exit', () => {
  // The standard output can be a socket.
  require('node:fs').writeSync(1, `requests seen: ${[...new Set(seen)].join()}\n`);
});
const timer = setInterval(() => {
  if (existsSync(process.argv[2])) clearInterval(timer);
}, 50);
