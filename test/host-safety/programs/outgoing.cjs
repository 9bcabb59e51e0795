// Sends requests to a server in this process, and prints what the application observes.
const { once } = require('node:events');
const http = require('node:http');
const { inspect } = require('node:util');

const EVENTS = ['socket', 'finish', 'response', 'information', 'continue', 'upgrade', 'timeout'];
const END_EVENTS = ['aborted', 'end', 'error', 'abort', 'close'];

function handle(request, response) {
  // On a busy machine, the client cancels the request before it arrives.
  if (request.url === '/hang') return;
  // The names of the headers, because ports differ.
  console.log(
    'server',
    request.method,
    request.url,
    request.rawHeaders.filter((_, i) => i % 2 === 0),
  );
  console.log('traceparent', request.headers.traceparent);
  if (request.url === '/hints') response.writeEarlyHints({ link: '</a.css>; rel=preload' });
  if (request.url === '/reset') request.socket.destroy();
  else if (request.url === '/cut') {
    response.writeHead(200, { 'content-length': 100 }).write('part');
    setTimeout(() => response.destroy(), 20);
  } else if (request.url === '/large') response.end(Buffer.alloc(1e6));
  else response.end('text');
}

async function listen() {
  const server = http.createServer(handle);
  server.on('checkContinue', (request, response) => {
    response.writeContinue();
    request.resume().on('end', () => response.end('text'));
  });
  server.on('upgrade', (_request, socket) => {
    socket.end(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello',
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** Returns the address of a server that refuses connections. */
const REFUSED = { host: '127.0.0.1', port: 1 };

function describe(name, emitter) {
  const events = emitter.eventNames().map((event) => [event, emitter.listenerCount(event)]);
  console.log(name, inspect(events, { breakLength: 200 }));
  console.log(name, Object.keys(emitter).sort().join());
  console.log(name, 'mentions the agent:', /perfscope/i.test(inspect(emitter, { depth: 1 })));
}

function printEvents(name, emitter, events) {
  for (const event of events) {
    emitter.on(event, (value) => {
      console.log(name, event, value instanceof Error ? `${value.name} ${value.code}` : '');
    });
  }
}

/** Sends a request, and prints its events until it is closed. */
async function send(server, options, onResponse = (response) => response.resume()) {
  const { port } = server.address();
  const request = http.request({ host: '127.0.0.1', port, ...options });
  describe('request', request);
  printEvents('request', request, [...EVENTS, 'error', 'abort', 'close']);
  request.on('response', (response) => {
    describe('response', response);
    printEvents('response', response, END_EVENTS);
    onResponse(response, request);
  });
  request.end(options.body);
  await once(request, 'close', { signal: AbortSignal.timeout(5000) });
  server.closeAllConnections();
  server.close();
}

const SCENARIOS = {
  ok: async () => send(await listen(), { path: '/?secret=1' }),
  keepAlive: async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const server = await listen();
    const { port } = server.address();
    const get = () =>
      new Promise((resolve) => {
        http.get({ host: '127.0.0.1', port, agent }, (response) => {
          response.resume().on('close', resolve);
        });
      });
    await Promise.all([get(), get(), get()]);
    console.log(Object.keys(agent.freeSockets).length);
    agent.destroy();
    server.close();
  },
  post: async () => send(await listen(), { method: 'POST', body: 'text' }),
  continues: async () =>
    send(await listen(), { method: 'POST', body: 'text', headers: { expect: '100-continue' } }),
  hints: async () => send(await listen(), { path: '/hints' }),
  reset: async () => send(await listen(), { path: '/reset' }),
  cut: async () => send(await listen(), { path: '/cut' }),
  destroyedResponse: async () =>
    send(await listen(), { path: '/large' }, (response) => response.destroy()),
  destroyedRequest: async () =>
    send(await listen(), { path: '/large' }, (_response, request) => request.destroy()),
  upgrade: async () => send(await listen(), { headers: { connection: 'upgrade', upgrade: 'x' } }),
  destroyedBeforeSocket: () => {
    const request = http.get(REFUSED);
    printEvents('request', request, [...EVENTS, 'error', 'abort', 'close']);
    request.destroy();
  },
  uncaughtError: () => http.get(REFUSED),
  unhandledRejection: () => fetch('http://127.0.0.1:65000/'),
  rejectionWarning: () => {
    process.on('unhandledRejection', (error) => console.log('unhandled', error.cause?.code));
    fetch('http://127.0.0.1:65000/');
  },
  unreadBody: async () => {
    const server = await listen();
    const { port } = server.address();
    await fetch(`http://127.0.0.1:${port}/large`);
    http.get({ host: '127.0.0.1', port, path: '/large', agent: false }, () => {
      server.closeAllConnections();
      server.close();
    });
  },
  traceparent: async () => {
    const traceparent = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
    await send(await listen(), { headers: { traceparent } });
    const server = await listen();
    const url = `http://127.0.0.1:${server.address().port}/`;
    await (await fetch(url)).text();
    await (await fetch(url, { headers: { traceparent } })).text();
    server.closeAllConnections();
    server.close();
  },
  fetchErrors: async () => {
    const server = await listen();
    const url = `http://127.0.0.1:${server.address().port}`;
    const calls = [
      () => fetch(`${url}/reset`),
      async () => (await fetch(`${url}/cut`)).text(),
      () => fetch(`${url}/hang`, { signal: AbortSignal.timeout(20) }),
      () => {
        const controller = new AbortController();
        setTimeout(() => controller.abort(new RangeError('mine')), 20);
        return fetch(`${url}/hang`, { signal: controller.signal });
      },
    ];
    for (const call of calls) {
      await call().catch((error) => console.log(error.name, error.message, error.cause?.code));
    }
    server.closeAllConnections();
    server.close();
  },
};
void SCENARIOS[process.argv[2]]();
