// Prints the part of the process's state that the first argument selects.
const asyncHooks = require('node:async_hooks');
const { EventEmitter } = require('node:events');
const http = require('node:http');
const { inspect } = require('node:util');

const EVENTS = [
  'beforeExit',
  'disconnect',
  'exit',
  'message',
  'multipleResolves',
  'rejectionHandled',
  'uncaughtException',
  'uncaughtExceptionMonitor',
  'unhandledRejection',
  'worker',
  'SIGHUP',
  'SIGINT',
  'SIGTERM',
  'SIGUSR2',
];

/** Returns the names of all enumerable properties, including symbols. */
function listProperties(object) {
  return Reflect.ownKeys(object).filter((key) =>
    Object.prototype.propertyIsEnumerable.call(object, key),
  );
}

function printProperties(name, object) {
  console.log(name, inspect(listProperties(object), { maxArrayLength: null, breakLength: 200 }));
  console.log(name, 'mentions the agent:', /perfscope/i.test(inspect(object, { depth: 1 })));
}

function printListeners() {
  console.log(process.eventNames());
  for (const event of EVENTS) {
    const counts = [process.listenerCount(event), process.rawListeners(event).length];
    console.log(event, ...counts, process.listeners(event).length);
  }
}

/** Adds listeners. The values of `counts` are the numbers of listeners. */
function addTo(emitter, counts) {
  for (const [event, count] of Object.entries(counts)) {
    for (let i = 0; i < count; i++) emitter.on(event, () => {});
  }
}

/** Adds listeners for each event that has none by default. */
function addListeners(count) {
  addTo(process, Object.fromEntries(EVENTS.map((event) => [event, count])));
}

/** Serves one request, and calls `onRequest` while it is open. */
function serveRequest(onRequest, headers = {}) {
  const server = http.createServer((request, response) => {
    onRequest(request, response, server);
    response.end('x');
  });
  server.listen(0, '127.0.0.1', () => {
    const options = { port: server.address().port, host: '127.0.0.1', agent: false, headers };
    http.get({ ...options, path: '/rooms/7?from=1' }, (response) => {
      response.resume();
      response.on('end', () => server.close());
    });
  });
}

const SCENARIOS = {
  listeners: printListeners,
  listenersLater: () => setTimeout(printListeners, 200),
  listenersAfterRequest: () => serveRequest(() => setImmediate(printListeners)),
  tenListeners: () => addListeners(10),
  elevenListeners: () => addListeners(11),
  listenerOrder: () => {
    process.on('newListener', (event) => console.log('new', event));
    process.on('removeListener', (event) => console.log('removed', event));
    const listener = () => {};
    process.on('SIGTERM', listener);
    process.off('SIGTERM', listener);
    setTimeout(() => {}, 200);
  },
  tenStreamListeners: () => {
    for (const stream of [process.stdout, process.stderr]) {
      for (const event of ['error', 'close', 'finish', 'drain']) {
        for (let i = 0; i < 10; i++) stream.on(event, () => {});
      }
      console.log(stream.eventNames());
    }
  },
  tenSocketListeners: () =>
    serveRequest((request, response, server) => {
      // With the listeners of Node.js itself, each event has ten.
      addTo(request.socket, { close: 8, end: 8, error: 9, timeout: 9, data: 9 });
      addTo(request, { close: 10, end: 9, error: 10, aborted: 10 });
      addTo(response, { close: 10, finish: 9, error: 10 });
      addTo(server, { close: 10, connection: 9, error: 10 });
    }),
  globals: () => {
    const isOther = (key) => !String(key).includes('opentelemetry');
    console.log(listProperties(globalThis).filter(isOther).map(String).join());
    console.log(
      Reflect.ownKeys(globalThis)
        .filter((key) => typeof key === 'string')
        .join(),
    );
    console.log(listProperties(process).map(String).join());
    for (const object of [Object.prototype, EventEmitter, EventEmitter.prototype]) {
      console.log(Reflect.ownKeys(object).map(String).join());
    }
  },
  errors: () => {
    console.log(Error.stackTraceLimit, typeof Error.prepareStackTrace);
    console.log(new Error('stack').stack);
    setTimeout(() => {
      console.log(new Error('stack of a timer').stack);
      serveRequest(() => console.log(new Error('stack of a request').stack));
    }, 10);
  },
  processState: () => {
    const isOther = (name) => !name.startsWith('PERFORMANCE_');
    console.log(Object.keys(process.env).filter(isOther).sort().join());
    console.log(process.argv.length, process.execArgv.length, process.exitCode, process.title);
    console.log(process.emit.name, process.emit.length, typeof process.report, process.debugPort);
    console.log(process.sourceMapsEnabled, process.hasUncaughtExceptionCaptureCallback());
    console.log(module.children.length, module.paths.length, require.main === module);
  },
  resources: () => {
    const print = () => {
      console.log(process.getActiveResourcesInfo().sort().join());
      console.log(process._getActiveHandles().length, process._getActiveRequests().length);
    };
    print();
    setImmediate(print);
    setTimeout(print, 300);
  },
  asyncResources: () => {
    const print = (place) => {
      const resource = asyncHooks.executionAsyncResource();
      // On older versions, each AsyncLocalStorage adds such a property.
      const names = listProperties(resource)
        .map(String)
        .filter((name) => !/ResourceStore/.test(name));
      console.log(place, resource.constructor?.name, names.join());
      console.log(place, asyncHooks.triggerAsyncId() >= 0);
    };
    print('main');
    setImmediate(() => print('immediate'));
    process.nextTick(() => print('tick'));
    serveRequest(() => print('request'));
  },
  asyncLocalStorage: () => {
    const storage = new asyncHooks.AsyncLocalStorage();
    storage.run('outer', () => {
      setTimeout(() => {
        console.log(storage.getStore());
        serveRequest((request) => {
          console.log(storage.getStore());
          storage.enterWith('inner');
          request.on('close', () => console.log('close', storage.getStore()));
        });
      }, 10);
    });
  },
  request: () =>
    serveRequest((request, response, server) => {
      printProperties('request', request);
      printProperties('response', response);
      printProperties('socket', request.socket);
      printProperties('server', server);
      for (const emitter of [request, response, server]) console.log(emitter.eventNames());
      console.log(JSON.stringify(Object.keys({ ...request })));
      console.log(response.emit === EventEmitter.prototype.emit, response.end.name);
    }),
  requestWithTenant: () =>
    serveRequest(
      (request) => {
        printProperties('request', request);
        console.log(request.headers.org, Object.keys(request.headers).sort().join());
      },
      { org: 'alpha' },
    ),
  query: () => {
    const { Client, Query } = require('pg');
    const client = new Client({ host: '127.0.0.1', port: 1 });
    const query = new Query('SELECT $1::int', [1]);
    client.connect().catch((error) => console.log(error.code));
    client.query(query);
    query.on('error', (error) => console.log(error.message));
    printProperties('query', query);
    console.log(query.eventNames());
    console.log(JSON.stringify(query).length, JSON.stringify({ ...query }).length);
    const config = { text: 'SELECT 2' };
    client.query(config).catch((error) => console.log(error.message));
    printProperties('config', config);
    printProperties('client', client);
  },
  express: () => {
    const app = require('express')();
    const handler = (_request, response) => response.send('x');
    app.get('/rooms/:id', handler);
    const [layer] = app.router.stack.filter((each) => each.route);
    console.log(layer.route.stack[0].handle === handler, Object.keys(app.router).length);
    printProperties('layer', layer);
    console.log(app.get.length, app.use.length, app.handle.length, app.router.handle.length);
  },
  channels: () => {
    const { channel } = require('node:diagnostics_channel');
    // The agent subscribes to other channels of the clients, to measure calls.
    const channels = [
      'http.client.request.start',
      'net.client.socket',
      'undici:client:beforeConnect',
      'undici:client:sendHeaders',
    ];
    console.log(channels.map((name) => channel(name).hasSubscribers).join());
  },
  http2: () => {
    const isHttp2 = (name) => name.includes('http2');
    serveRequest(() => {
      console.log(process.moduleLoadList.filter(isHttp2).length);
      const http2 = require('node:http2');
      const server = http2.createServer((request, response) => {
        console.log(request.stream.eventNames(), request.eventNames(), response.eventNames());
        printProperties('request', request);
        printProperties('stream', request.stream);
        response.end('x');
      });
      server.listen(0, '127.0.0.1', () => {
        const client = http2.connect(`http://127.0.0.1:${server.address().port}`);
        const stream = client.request({ ':path': '/rooms/7' }).resume();
        stream.on('close', () => {
          client.close();
          server.close();
        });
      });
    });
  },
  responseMethods: () =>
    serveRequest((_request, response) => {
      const { ServerResponse } = http;
      console.log(ServerResponse.prototype._send.name, ServerResponse.prototype._send.length);
      printProperties('response', response);
    }),
  garbageCollection: () => console.log(typeof globalThis.gc, process.resourceUsage !== undefined),
};

SCENARIOS[process.argv[2]]();
