// Replaces all functions that send requests, as mocking libraries do. Prints the calls after SIGUSR2.
const dns = require('node:dns');
const http = require('node:http');
const https = require('node:https');
const net = require('node:net');
const tls = require('node:tls');

const calls = [];
function replace(object, name) {
  const original = object[name];
  object[name] = function (...args) {
    calls.push(`${name} ${JSON.stringify(args)}`);
    return original.apply(this, args);
  };
}
replace(globalThis, 'fetch');
for (const name of ['request', 'get']) {
  replace(http, name);
  replace(https, name);
}
for (const name of ['connect', 'createConnection']) replace(net, name);
replace(net.Socket.prototype, 'connect');
replace(tls, 'connect');
replace(dns, 'lookup');

// The agent sends a row to QuestDB, and asks the server for decisions.
import('perfscope').then(({ onRule, performanceMonitoringService }) => {
  performanceMonitoringService.recordMetric({ name: 'rooms', value: 1, unit: '1' });
  onRule('demand.high', () => {});
});

setInterval(() => {}, 1000);
process.once('SIGUSR2', () => {
  console.log(`calls: ${calls.join('; ') || 'none'}`);
  process.exit(0);
});
