// Starts child processes or threads in the way that the first argument selects, and prints how they end.
// With the second argument `child`, runs as the child.
const childProcess = require('node:child_process');
const cluster = require('node:cluster');
const http = require('node:http');
const { Worker } = require('node:worker_threads');

const [, , scenario, role] = process.argv;
const CHILD = [__filename, scenario, 'child'];
/** A worker ends before this time after its last work, even on a busy machine, unless something keeps it alive. */
const SLOW_MS = 30_000;

/** Collects the text of each stream, because the sizes of the parts differ between runs. */
function collect({ stdout, stderr }) {
  const texts = ['', ''];
  for (const [i, stream] of [stdout, stderr].entries()) {
    stream?.on('data', (part) => {
      texts[i] += part;
    });
  }
  return texts;
}

/** Prints the streams and the end of a child process. */
function report(child) {
  const texts = collect(child);
  child.on('message', (message) => console.log('message', message));
  child.on('close', (code, signal) => console.log('child exit', code, signal, texts));
  return child;
}

/** Prints the messages and the end of a worker thread. */
function reportWorker(worker) {
  let slow;
  worker.on('message', (message) => {
    console.log('message', message);
    slow = setTimeout(() => console.log('the worker is slow'), SLOW_MS);
  });
  worker.on('error', (error) => console.log('error', error.message));
  worker.on('exit', (code) => {
    clearTimeout(slow);
    console.log('worker exit', code);
  });
  return worker;
}

/** Code of a worker thread that sends a message at its end. */
const endAfter = (ms) =>
  `setTimeout(() => require('node:worker_threads').parentPort.postMessage('end'), ${ms})`;
const startWorker = (code, options) => reportWorker(new Worker(code, { eval: true, ...options }));
const pipe = { stdio: ['ignore', 'pipe', 'pipe'] };

const PARENTS = {
  fork: () => report(childProcess.fork(__filename, CHILD.slice(1), { silent: true })),
  forkWithoutFlags: () =>
    report(childProcess.fork(__filename, CHILD.slice(1), { silent: true, execArgv: [] })),
  disconnects: () => {
    const child = report(childProcess.fork(__filename, CHILD.slice(1), { silent: true }));
    child.once('message', () => child.disconnect());
  },
  killsChild: () => {
    const child = report(childProcess.fork(__filename, CHILD.slice(1), { silent: true }));
    child.once('message', () => child.kill());
  },
  spawn: () => report(childProcess.spawn(process.execPath, CHILD, pipe)),
  exec: () => {
    childProcess.exec(`"${process.execPath}" -p 1+1`, (error, stdout, stderr) =>
      console.log(error, stdout, stderr),
    );
  },
  execFileSync: () =>
    console.log(String(childProcess.execFileSync(process.execPath, CHILD, { stdio: 'pipe' }))),
  spawnSync: () => {
    const { status, stdout, stderr } = childProcess.spawnSync(process.execPath, CHILD);
    console.log(status, String(stdout), String(stderr));
  },
  grandchild: () => report(childProcess.spawn(process.execPath, CHILD, pipe)),
  detached: () => {
    childProcess.spawn(process.execPath, CHILD, { stdio: 'ignore', detached: true }).unref();
    console.log('detached');
  },
  cluster: () => {
    cluster.setupPrimary({ exec: __filename, args: CHILD.slice(1), silent: true });
    let exits = 0;
    for (let i = 0; i < 2; i++) {
      const worker = cluster.fork();
      worker.process.stderr.on('data', (text) => console.log('stderr', String(text)));
      worker.on('exit', (code, signal) => {
        console.log('worker exit', code, signal);
        exits += 1;
        if (exits === 2) console.log('all workers ended');
      });
    }
  },
  workerTimer: () => startWorker(endAfter(100)),
  workerMessage: () =>
    startWorker("require('node:worker_threads').parentPort.postMessage(process.argv.length)"),
  workerExit: () => startWorker('process.exit(5)'),
  workerExitLater: () => startWorker('setTimeout(() => process.exit(6), 50)'),
  workerExitCode: () => startWorker('process.exitCode = 7'),
  workerThrows: () => startWorker("throw new Error('in the worker')"),
  workerRejects: () => startWorker("Promise.reject(new Error('in the worker'))"),
  workerBeforeExit: () =>
    startWorker(
      "process.on('beforeExit', () => require('node:worker_threads').parentPort.postMessage('end'))",
    ),
  workerTerminated: () => {
    const worker = startWorker('setInterval(() => {}, 1000)');
    worker.on('online', () => worker.terminate());
  },
  workerUnref: () => {
    process.on('exit', (code) => console.log('exit', code));
    new Worker('setInterval(() => {}, 1000)', { eval: true }).unref();
  },
  workerWithoutFlags: () => startWorker(endAfter(100), { execArgv: [] }),
  workerStdio: () => {
    const options = { stdout: true, stderr: true, stdin: true };
    const worker = startWorker("console.log('one'); console.error('two')", options);
    const texts = collect(worker);
    worker.on('exit', () => setImmediate(() => console.log(texts)));
  },
  workerEnvironment: () =>
    startWorker(
      "require('node:worker_threads').parentPort.postMessage(Object.keys(process.env).sort().join())",
      { env: { ROOMS: '3' } },
    ),
  workerLimits: () =>
    startWorker(endAfter(100), { resourceLimits: { maxOldGenerationSizeMb: 16 } }),
  workersInSequence: async () => {
    for (let i = 0; i < 3; i++) {
      const worker = startWorker(endAfter(20));
      await new Promise((done) => worker.once('exit', done));
    }
  },
  workerServesRequest: () =>
    startWorker(`
      const http = require('node:http');
      const server = http.createServer((_request, response) => response.end('x'));
      server.listen(0, '127.0.0.1', () => {
        const options = { port: server.address().port, host: '127.0.0.1', agent: false };
        http.get(options, (response) => response.resume().on('end', () => server.close()));
      });
    `),
};

const CHILDREN = {
  fork: () => {
    process.send('started');
    console.error('own line');
    process.exitCode = 3;
    process.disconnect();
  },
  disconnects: () => process.send('started'),
  killsChild: () => {
    setInterval(() => {}, 1000);
    process.send('started');
  },
  grandchild: () => report(childProcess.spawn(process.execPath, ['-p', '2+2'], pipe)),
  detached: () => setTimeout(() => {}, 100),
  cluster: () => {
    const server = http.createServer((_request, response) => response.end('x'));
    // Otherwise, the workers would share the port.
    server.listen({ port: 0, host: '127.0.0.1', exclusive: true }, () => {
      const options = { port: server.address().port, host: '127.0.0.1', agent: false };
      http.get(options, (response) => response.resume().on('end', () => process.exit(0)));
    });
  },
  execFileSync: () => console.log('child'),
};
CHILDREN.forkWithoutFlags = CHILDREN.fork;
CHILDREN.spawn = CHILDREN.execFileSync;
CHILDREN.spawnSync = CHILDREN.execFileSync;

if (role === 'child') CHILDREN[scenario]();
else PARENTS[scenario]();
