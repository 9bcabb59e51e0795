// Handles signals in the way that the first argument selects. Prints `up` when it is ready. The third argument is the
// number of signals that arrive before the end of a graceful shutdown.
const [, , scenario, signal = 'SIGTERM', signalCount = '1'] = process.argv;
const print = (event) => () => console.log(event);
/** Time of a graceful shutdown. Longer than the agent waits at exit. */
const SHUTDOWN_MS = 1000;

const keepAlive = setInterval(() => {}, 1000);
let drains = 0;
const drain = () => {
  console.log('draining');
  drains += 1;
  if (drains < Number(signalCount)) return;
  setTimeout(() => {
    console.log('drained');
    process.exit(0);
  }, SHUTDOWN_MS);
};

const SCENARIOS = {
  noListener: () => {},
  killsItself: () => process.kill(process.pid, signal),
  killsItselfLater: () => setTimeout(() => process.kill(process.pid, signal), 50),
  exitsInListener: () => process.on(signal, () => process.exit(3)),
  closesServer: () => {
    const server = require('node:http').createServer().listen(0, '127.0.0.1');
    process.on('beforeExit', print('beforeExit'));
    process.on(signal, () => {
      clearInterval(keepAlive);
      server.close(print('closed'));
    });
  },
  onceFirst: () => process.prependOnceListener(signal, drain),
  once: () => process.once(signal, drain),
  on: () => process.on(signal, drain),
  async: () =>
    process.on(signal, async () => {
      console.log('draining');
      await new Promise((done) => setTimeout(done, SHUTDOWN_MS));
      console.log('drained');
      clearInterval(keepAlive);
    }),
  onceThenDies: () => process.once(signal, print('first')),
  onlyIfNone: () => {
    console.log('listeners', process.listenerCount(signal));
    if (process.listenerCount(signal) === 0) process.on(signal, drain);
  },
  addedByOtherSignal: () =>
    process.once('SIGINT', () => {
      process.on('SIGTERM', drain);
      console.log('added');
    }),
  addedByListener: () =>
    process.once(signal, () => {
      process.on(signal, drain);
      console.log('first');
    }),
  removed: () => {
    process.on(signal, drain);
    process.removeListener(signal, drain);
  },
  removedInListener: () => {
    const listener = () => {
      process.off(signal, listener);
      console.log('first');
    };
    process.on(signal, listener);
  },
  removesAll: () => {
    process.on(signal, drain);
    process.removeAllListeners(signal);
  },
  ignores: () => {
    let ignored = 0;
    process.on(signal, () => {
      console.log('ignored');
      ignored += 1;
      if (ignored === Number(signalCount)) setTimeout(() => process.exit(4), SHUTDOWN_MS);
    });
  },
  throws: () =>
    process.on(signal, () => {
      throw new Error('in the listener');
    }),
  rejects: () =>
    process.on(signal, async () => {
      throw new Error('in the listener');
    }),
  killsItselfAgain: () =>
    process.once(signal, () => {
      console.log('restarting');
      process.kill(process.pid, signal);
    }),
  emits: () => {
    console.log('emitted', process.emit(signal, signal));
    setTimeout(() => process.exit(5), 100);
  },
  emitsToListener: () => {
    process.on(signal, (...args) => console.log('listener', args.join()));
    SCENARIOS.emits();
  },
  signalExit: () => require('signal-exit').onExit((code, name) => console.log('exit', code, name)),
  signalExit3: () => require('signal-exit-3')((code, name) => console.log('exit', code, name)),
  signalExitAndListener: () => {
    SCENARIOS.signalExit();
    process.on(signal, drain);
  },
  exitListenerOnly: () => process.on('exit', print('exit')),
  busy: () => {
    require('node:fs').writeSync(1, 'up\n');
    const end = performance.now() + 500;
    while (performance.now() < end);
  },
};

SCENARIOS[scenario]();
console.log('up');
