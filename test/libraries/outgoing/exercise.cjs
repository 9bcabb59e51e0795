// Sends requests with one client to servers in this process, and prints the calls that should have been recorded.
const { once } = require('node:events');
const http = require('node:http');
const https = require('node:https');

const { CERT: cert, KEY: key } = process.env;
const SLOW_MS = 60;
/** Refuses connections. The port of a server that was closed could be used by another process. */
const CLOSED_HOST = '127.0.0.1:2';

/** Starts a server, and returns its host with the port. */
async function listen(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${server.address().port}`;
}

function handle(request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  if (pathname === '/slow') setTimeout(() => response.end('late'), SLOW_MS);
  else if (pathname === '/slow-body') {
    response.write('part');
    setTimeout(() => response.end(), SLOW_MS);
  } else if (pathname === '/reset') request.socket.destroy();
  else if (pathname === '/cut') {
    response.writeHead(200, { 'content-length': 100 }).write('part');
    setTimeout(() => response.destroy(), 20);
  } else if (pathname !== '/hang') {
    const status = Number(searchParams.get('status') ?? 200);
    request.resume().on('end', () => response.writeHead(status).end(status === 204 ? '' : 'text'));
  }
}

/** Calls by host, operation, status, and error. */
const calls = new Map();

function addCall(host, operation, status, error, minMs, maxMs) {
  const name = [host, operation, status ?? '', error ?? ''].join(' ');
  const known = calls.get(name) ?? { count: 0, minMs: 0, maxMs: 0 };
  calls.set(name, {
    count: known.count + 1,
    minMs: known.minMs + minMs,
    maxMs: known.maxMs + maxMs,
  });
}

/** Prints the result of a call, because the agent must not change it. */
async function run(send, url, options, { status, error, minMs = 0 }) {
  const startMs = performance.now();
  let result;
  try {
    result = await send(url, options);
  } catch (thrown) {
    const code = thrown.code ?? thrown.cause?.code ?? '';
    // The DNS server decides which of these codes a name gets that doesn't exist.
    result = `${thrown.name} ${String(code).replace('EAI_AGAIN', 'ENOTFOUND')}`;
  }
  const { host, pathname } = new URL(url);
  console.log(pathname, result);
  const { method = 'GET' } = options;
  addCall(host, method, status, error, minMs, performance.now() - startMs);
}

/**
 * @param send sends one request, reads the body, and returns the status
 * @param timeoutError error of a request that its signal canceled after a timeout
 */
module.exports = async function exercise(send, timeoutError = 'timeout') {
  const servers = [http.createServer(handle), https.createServer({ cert, key }, handle)];
  const [host, secureHost] = await Promise.all(servers.map(listen));
  const base = `http://${host}`;
  const call = (url, expected, options = {}) => run(send, url, options, expected);

  await call(`${base}/rooms/1?token=secret`, { status: 200 });
  await call(`${base}/rooms/2#secret`, { status: 200 });
  const post = { method: 'POST', body: 'text' };
  await Promise.all([1, 2, 3].map(() => call(`${base}/?status=201`, { status: 201 }, post)));
  await call(`${base}/?status=204`, { status: 204 });
  await call(`${base}/?status=404`, { status: 404 });
  await call(`${base}/?status=503`, { status: 503, error: '503' });
  await call(`${base}/`, { status: 200 }, { method: 'HEAD' });
  await call(`${base}/slow`, { status: 200, minMs: SLOW_MS });
  await call(`${base}/slow-body`, { status: 200, minMs: SLOW_MS });
  await call(`${base}/reset`, { error: 'reset' });
  await call(`${base}/cut`, { status: 200, error: 'reset' });
  await call(`${base}/hang`, { error: 'aborted' }, { abortMs: SLOW_MS });
  await call(`${base}/hang`, { error: timeoutError }, { timeoutMs: SLOW_MS });
  await call(`http://${CLOSED_HOST}/`, { error: 'refused' });
  await call('http://nowhere.invalid/', { error: 'dns' });
  await call(`https://${secureHost}/`, { error: 'tls' });
  console.log(`calls ${JSON.stringify([...calls])}`);
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
};

/** Returns the signal that cancels a request. */
module.exports.toSignal = ({ abortMs, timeoutMs }) => {
  if (timeoutMs !== undefined) return AbortSignal.timeout(timeoutMs);
  if (abortMs === undefined) return undefined;
  const controller = new AbortController();
  setTimeout(() => controller.abort(), abortMs);
  return controller.signal;
};
