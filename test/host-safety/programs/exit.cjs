// Ends in the way that the first argument selects. Prints each event that an application can observe.
const [, , scenario] = process.argv;
const print = (event) => () => console.log(event);

const SCENARIOS = {
  naturalEnd: print('end'),
  firstTurn: () => process.exit(3),
  nextTick: () => process.nextTick(() => process.exit(4)),
  promise: () => Promise.resolve().then(() => process.exit(5)),
  immediate: () => setImmediate(() => process.exit(6)),
  timeout: () => setTimeout(() => process.exit(7), 0),
  laterTimeout: () => setTimeout(() => process.exit(8), 100),
  reallyExit: () => process.reallyExit(9),
  abort: () => process.abort(),
  exitCode: () => {
    process.exitCode = 10;
  },
  throws: () => {
    throw new TypeError('no room for guest 17');
  },
  throwsLater: () => setTimeout(SCENARIOS.throws, 50),
  rejects: () => Promise.reject(new RangeError('no bed')),
  rejectsLater: () => setTimeout(SCENARIOS.rejects, 50),
  continuesAfterError: () => {
    process.on('uncaughtException', (error, origin) => console.log(error.message, origin));
    process.on('uncaughtExceptionMonitor', (error) => console.log('monitor', error.message));
    SCENARIOS.throwsLater();
    setTimeout(print('still running'), 100);
  },
  capturesError: () => {
    process.setUncaughtExceptionCaptureCallback((error) => console.log('captured', error.message));
    SCENARIOS.throwsLater();
  },
  exitInErrorListener: () => {
    process.on('uncaughtException', () => process.exit(11));
    SCENARIOS.throwsLater();
  },
  exitInBeforeExit: () => process.on('beforeExit', () => process.exit(12)),
  exitCodeInBeforeExit: () =>
    process.on('beforeExit', (code) => {
      process.exitCode = code + 13;
    }),
  throwsInBeforeExit: () => process.on('beforeExit', SCENARIOS.throws),
  exitInExitListener: () => process.on('exit', () => process.exit(14)),
  exitCodeInExitListener: () =>
    process.on('exit', () => {
      process.exitCode = 15;
    }),
  throwsInExitListener: () => process.on('exit', SCENARIOS.throws),
  exitTwice: () => {
    process.on('exit', (code) => console.log('exit', code, process.exitCode));
    process.exitCode = 16;
    setTimeout(() => process.exit(), 10);
    setTimeout(() => process.exit(17), 10);
  },
  countsBeforeExit: () => {
    let calls = 0;
    process.on('beforeExit', () => calls++);
    process.prependListener('beforeExit', () => calls++);
    process.once('beforeExit', () => calls++);
    process.on('exit', () => console.log('beforeExit listeners called', calls));
  },
  worksInBeforeExit: () => {
    let calls = 0;
    process.on('beforeExit', () => {
      calls++;
      console.log('beforeExit', calls);
      if (calls < 3) setTimeout(print('worked'), 20);
    });
  },
  worksOnceInBeforeExit: () =>
    process.once('beforeExit', () => setTimeout(print('worked once'), 20)),
  awaitsInBeforeExit: () =>
    process.on('beforeExit', async () => {
      await new Promise((done) => setImmediate(done));
      process.exit(18);
    }),
  endsPoolInBeforeExit: () => {
    const { Pool } = require('pg');
    const pool = new Pool();
    process.on('beforeExit', () => pool.end());
  },
  endsAsyncPoolInBeforeExit: () => {
    let ended = false;
    process.on('beforeExit', async () => {
      if (ended) throw new Error('ended twice');
      ended = true;
      await Promise.resolve();
      console.log('ended');
    });
  },
  emitsBeforeExit: () => {
    console.log(process.emit('beforeExit', 0), process.emit('exit', 0));
    setTimeout(print('end'), 50);
  },
  removesListeners: () => {
    for (const event of ['beforeExit', 'exit', 'SIGTERM']) process.removeAllListeners(event);
    print('end')();
  },
  removesAllListeners: () => {
    process.removeAllListeners();
    setTimeout(print('end'), 20);
  },
  // The agent waits at exit for at most 300 ms, so these timers must not fire, even on a busy machine.
  unrefTimer: () => setTimeout(print('fired'), 30_000).unref(),
  unrefInterval: () => setInterval(print('fired'), 30_000).unref(),
  unrefServer: () => require('node:http').createServer().listen(0, '127.0.0.1').unref(),
  unrefSocket: () => {
    const server = require('node:net').createServer((socket) => socket.unref());
    server.unref().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      require('node:net').connect(port, '127.0.0.1').unref();
    });
  },
  bigOutput: () => process.stdout.write(`${'x'.repeat(300_000)}\n`),
  exitInStdinListener: () => {
    process.stdin.on('data', (text) => console.log('read', String(text)));
    process.stdin.on('end', () => process.exit(19));
  },
  readsStdin: () => process.stdin.pipe(process.stdout),
};

SCENARIOS[scenario]();
