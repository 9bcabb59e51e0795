// Usage: node calls.cjs CLIENT
const clients = require('./clients.cjs');
const exercise = require('./exercise.cjs');

const CLIENTS = {
  fetch: () => clients.fetch,
  http: () => clients.http,
  undici: () => clients.createUndici(require('undici')),
  axios: () => clients.createAxios(require('axios')),
};
void exercise(CLIENTS[process.argv[2]]());
