// An Express app with files, and servers without a framework. They send their own requests, and exit.
const { once } = require('node:events');
const { mkdtempSync, writeFileSync } = require('node:fs');
const http = require('node:http');
const http2 = require('node:http2');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const express = require('express');
const { sendOwnRequests } = require('./send-own-requests.cjs');

const PREFLIGHT = { origin: 'http://example.com', 'access-control-request-method': 'PUT' };
const SINCE = { 'if-modified-since': new Date(Date.now() + 60_000).toUTCString() };

function createExpressApp() {
  const root = mkdtempSync(join(tmpdir(), 'perfscope-static-'));
  writeFileSync(join(root, 'page.txt'), 'a file');
  const app = express();
  app.use((request, response, next) => {
    if (request.headers['access-control-request-method']) response.status(204).end();
    else next();
  });
  app.use(express.static(root));
  app.use('/assets', express.static(root));
  app.get('/rooms/:id', (_request, response) => response.send('ok'));
  app.get('/missing/:id', (_request, response) => response.status(404).send('no'));
  app.use('/open', (_request, response) => response.send('ok'));
  app.use((request, response, next) => {
    if (request.path === '/plain') response.send('ok');
    else next();
  });
  return app;
}

/** A server without a framework sends a file too, which stays without a name. */
function handlePlain(request, response) {
  const isFound = request.url !== '/unknown';
  response.writeHead(isFound ? 200 : 404, { 'last-modified': 'Sat, 28 Nov 2026 12:00:00 GMT' });
  response.end('plain');
}

async function exercise(server, scheme, requests) {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  await sendOwnRequests(`${scheme}://127.0.0.1:${server.address().port}`, requests);
  server.close();
}

const PLAIN_REQUESTS = [
  ['GET', '/'],
  ['GET', '/unknown'],
  ['OPTIONS', '/', PREFLIGHT],
  ['OPTIONS', '/'],
];

async function main() {
  await exercise(http.createServer(createExpressApp()), 'http', [
    ['GET', '/page.txt'],
    ['GET', '/page.txt', SINCE],
    ['HEAD', '/page.txt'],
    ['GET', '/assets/page.txt'],
    ['GET', '/assets/unknown.txt'],
    ['GET', '/rooms/1'],
    ['GET', '/missing/1'],
    ['GET', '/open/1'],
    ['GET', '/plain'],
    ['GET', '/unknown/1'],
    ['OPTIONS', '/rooms/1', PREFLIGHT],
    ['OPTIONS', '/rooms/1'],
  ]);
  await exercise(http.createServer(handlePlain), 'http', PLAIN_REQUESTS);
  await exercise(http2.createServer(handlePlain), 'h2c', PLAIN_REQUESTS);
}

main();
