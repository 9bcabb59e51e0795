// Replaces a global in the way that the first argument selects, as test libraries do. Then serves one request, and
// ends by itself, or waits for a signal if the second argument is `waits`. At the end, prints how often the agent
// called a replacement.
const fs = require('node:fs');
const http = require('node:http');

const [, , scenario, end] = process.argv;
const { setTimeout: startTimer, setInterval: startInterval } = globalThis;
const writeLine = (text) => fs.writeSync(1, `${text}\n`);
const startMs = Date.now();
/** NaN if the agent can't avoid calls. */
let agentCalls = 0;

/** Counts the call if the caller of the replacement is the agent. Node.js itself calls some replacements too. */
function countAgentCall() {
  const [, , , caller] = String(new Error('call').stack).split('\n');
  if (caller?.includes('agent-package')) agentCalls += 1;
}

/** Replaces the methods of `object`. */
function replace(object, names, createReplacement) {
  for (const name of names) {
    const replacement = createReplacement(object[name]);
    object[name] = function (...args) {
      countAgentCall();
      return Reflect.apply(replacement, this, args);
    };
  }
}

class FakeDate extends Date {
  constructor(...args) {
    super(...(args.length > 0 ? args : [0]));
    countAgentCall();
  }

  static now() {
    countAgentCall();
    return 0;
  }
}

const TIMERS = ['setTimeout', 'setInterval', 'setImmediate'];
const neverFire = () => {
  let lastId = 0;
  replace(globalThis, TIMERS, () => () => ++lastId);
  replace(globalThis, ['clearTimeout', 'clearInterval', 'clearImmediate'], () => () => {});
};
const fail = () => {
  throw new Error('replaced');
};

const SCENARIOS = {
  frozenDateNow: () => replace(Date, ['now'], () => () => startMs),
  backwardDateNow: () => {
    let nowMs = startMs;
    replace(Date, ['now'], () => () => (nowMs -= 60_000));
  },
  invalidDateNow: () => replace(Date, ['now'], () => () => Number.NaN),
  failingDateNow: () => replace(Date, ['now'], () => fail),
  fakeDate: () => {
    globalThis.Date = FakeDate;
  },
  noDate: () => {
    globalThis.Date = undefined;
  },
  mockdate: () => require('mockdate').set(startMs),
  timekeeperFreeze: () => require('timekeeper').freeze(new Date(0)),
  timekeeperTravel: () => require('timekeeper').travel(new Date('2030-01-01T00:00:00Z')),
  sinon: () => require('@sinonjs/fake-timers').install(),
  sinonNextTick: () =>
    require('@sinonjs/fake-timers').install({ toFake: ['Date', 'hrtime', 'performance'] }),
  sinonAdvance: () => {
    // Without ticks and microtasks, because waiting ticks would be lost at the end.
    const toFake = ['Date', 'performance', 'hrtime', ...TIMERS];
    const clock = require('@sinonjs/fake-timers').install({ shouldAdvanceTime: true, toFake });
    startTimer(() => clock.uninstall(), 100);
  },
  sinonRunsAll: () => require('@sinonjs/fake-timers').install().tick(3_600_000),
  timersThatNeverFire: neverFire,
  timersThatReturnObjects: () => replace(globalThis, TIMERS, () => () => ({})),
  timersThatReturnNothing: () => replace(globalThis, TIMERS, () => () => {}),
  timersThatFail: () => replace(globalThis, TIMERS, () => fail),
  timersOfAWindow: () => {
    // As in happy-dom and jsdom: the timers have numeric IDs and end with the window.
    const timers = new Map();
    let lastId = 0;
    const start = (startReal) => (callback, ms) => {
      timers.set(++lastId, startReal(callback, ms));
      return lastId;
    };
    replace(globalThis, TIMERS, start);
    startTimer(() => {
      for (const timer of timers.values()) clearTimeout(timer);
    }, 50);
    globalThis.window = globalThis;
    globalThis.document = {};
  },
  timersModule: () => replace(require('node:timers'), TIMERS, () => () => 1),
  performanceNow: () => replace(performance, ['now'], () => () => 0),
  performance: () => {
    Object.defineProperty(globalThis, 'performance', { value: { now: fail } });
  },
  hrtime: () => {
    replace(process.hrtime, ['bigint'], () => () => 0n);
    replace(process, ['hrtime'], () => () => [0, 0]);
  },
  queueMicrotask: () => replace(globalThis, ['queueMicrotask'], () => fail),
  nextTick: () => {
    const real = process.nextTick;
    process.nextTick = (...args) => real(...args);
  },
  promise: () => {
    const RealPromise = Promise;
    globalThis.Promise = class extends RealPromise {
      constructor(executor) {
        super(executor);
        this.isReplacement = true;
      }
    };
  },
  random: () => replace(Math, ['random'], () => () => 0),
  fs: () => {
    const names = Object.keys(fs).filter((name) => /^(mkdir|open|rename|rm|write)/.test(name));
    const { writeSync } = fs;
    replace(fs, names, () => fail);
    replace(fs, ['writeSync'], () => (fd, text) => (fd === 1 ? writeSync(fd, text) : fail()));
  },
  memoryFs: () =>
    replace(fs, ['existsSync', 'readFileSync', 'writeFileSync', 'statSync'], () => fail),
  fsPromises: () => {
    replace(fs.promises, ['writeFile', 'rename', 'mkdir', 'rm'], () => fail);
    agentCalls = Number.NaN;
  },
  stderr: () => replace(process.stderr, ['write'], () => fail),
  stdout: () => replace(process.stdout, ['write'], () => fail),
  console: () => replace(console, ['log', 'warn', 'error', 'info', 'debug'], () => fail),
  processEmit: () => {
    replace(
      process,
      ['emit'],
      (emit) =>
        function (...args) {
          return Reflect.apply(emit, this, args);
        },
    );
    agentCalls = Number.NaN;
  },
  processOn: () => replace(process, ['on', 'once', 'addListener', 'off'], (method) => method),
  processEnv: () => {
    process.env = {};
  },
  processCwd: () => replace(process, ['cwd'], () => fail),
  pollutedPrototypes: () => {
    Object.prototype.pollutedText = 'text';
    Object.prototype.pollutedFunction = () => 'function';
    Array.prototype.pollutedItem = 'item';
  },
  prototypeMethods: () => {
    replace(Array.prototype, ['at', 'flatMap', 'findLast', 'toSorted'], () => fail);
    replace(String.prototype, ['replaceAll', 'at'], () => fail);
    agentCalls = Number.NaN;
  },
  json: () => {
    replace(JSON, ['stringify', 'parse'], () => fail);
    agentCalls = Number.NaN;
  },
  buffer: () => {
    replace(Buffer, ['concat', 'alloc'], () => fail);
    agentCalls = Number.NaN;
  },
  frozenPrototypes: () => {
    for (const { prototype } of [Object, Array, Function, Promise, Map, Set, Error, Date]) {
      Object.freeze(prototype);
    }
  },
  stackTraceLimit: () => {
    Error.stackTraceLimit = 0;
  },
  prepareStackTrace: () => {
    Error.prepareStackTrace = (_error, sites) => sites.length;
    setTimeout(() => Promise.reject(new Error('no bed')), 10);
  },
  none: () => {},
};

SCENARIOS[scenario]();

const server = http.createServer((_request, response) => response.end('x'));
server.listen(0, '127.0.0.1', () => {
  http.get({ port: server.address().port, host: '127.0.0.1', agent: false }, (response) => {
    response.resume();
    response.on('end', onResponse);
  });
});

function onResponse() {
  server.close();
  server.closeAllConnections();
  if (end === 'waits') startInterval(() => {}, 1000);
  if (end === 'exits') process.exit(7);
  writeLine('served');
}

process.on('exit', (code) => {
  if (Error.stackTraceLimit > 0) writeLine(`exit ${code}, calls by the agent: ${agentCalls}`);
});
