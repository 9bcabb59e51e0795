// Records measurements, and ends in the way that the first argument selects. The second argument is the path of the
// agent's library, or empty if the application doesn't use it.
const http = require('node:http');

const [, , scenario, library] = process.argv;

/** Records 3 measurements with the library, and a counter of 4. */
function record() {
  const { metrics } = require('@opentelemetry/api');
  metrics.getMeter('hotel').createCounter('guests').add(4);
  if (!library) return;
  const { performanceMonitoringService } = require(library);
  for (const value of [1, 2, 3]) {
    performanceMonitoringService.recordMetric({ name: 'rooms', value, unit: '{room}' });
  }
}

/** Serves one request, and leaves one more open. Then calls `onOpen`. */
function openRequest(onOpen) {
  const server = http.createServer((request, response) => {
    if (request.url === '/answered') response.end('x');
    else onOpen(server);
  });
  server.listen(0, '127.0.0.1', () => {
    const options = { port: server.address().port, host: '127.0.0.1', agent: false };
    const onError = () => {};
    http.get({ ...options, path: '/answered' }, (response) => {
      response.resume();
      response.on('end', () => http.get({ ...options, path: '/open' }).on('error', onError));
    });
  });
}

const fail = () => {
  throw new Error('no bed');
};
const keepAlive = () => setInterval(() => {}, 1000);

const SCENARIOS = {
  exitInFirstTurn: () => {
    record();
    process.exit(0);
  },
  exitInTick: () => {
    record();
    process.nextTick(() => process.exit(0));
  },
  exitInPromise: () => {
    record();
    Promise.resolve().then(() => process.exit(0));
  },
  exitInTimeout: () => {
    record();
    setTimeout(() => process.exit(0), 0);
  },
  exitInImmediate: () => {
    record();
    setImmediate(() => process.exit(0));
  },
  exitLater: () => {
    record();
    setTimeout(() => process.exit(0), 200);
  },
  recordsInTimeout: () =>
    setTimeout(() => {
      record();
      process.exit(0);
    }, 100),
  recordsInExitListener: () => process.on('exit', record),
  recordsInBeforeExit: () => process.once('beforeExit', record),
  throwsInFirstTurn: () => {
    record();
    fail();
  },
  throwsLater: () => {
    record();
    setTimeout(fail, 50);
  },
  rejects: () => {
    record();
    Promise.reject(new Error('no bed'));
  },
  naturalEnd: record,
  naturalEndLater: () => setTimeout(record, 100),
  exitOnSignal: () => {
    record();
    process.once('SIGTERM', () => process.exit(0));
    keepAlive();
    console.log('up');
  },
  signalExit: () => {
    record();
    require('signal-exit').onExit(() => {});
    keepAlive();
    console.log('up');
  },
  signalExit3: () => {
    record();
    require('signal-exit-3')(() => {});
    keepAlive();
    console.log('up');
  },
  frozenDate: () => {
    require('mockdate').set(Date.now());
    record();
  },
  fakeTimers: () => {
    require('@sinonjs/fake-timers').install();
    record();
  },
  openAtSignal: () => openRequest(() => console.log('up')),
  openAtHandledSignal: () =>
    openRequest(() => {
      process.on('SIGTERM', () => process.exit(0));
      console.log('up');
    }),
  openAtGracefulShutdown: () =>
    openRequest((server) => {
      process.on('SIGTERM', () => {
        server.close();
        server.closeAllConnections();
      });
      console.log('up');
    }),
  openAtExit: () => openRequest(() => process.exit(0)),
  openAtCrash: () => openRequest(fail),
  openAtRejection: () => openRequest(() => Promise.reject(new Error('no bed'))),
};

SCENARIOS[scenario]();
