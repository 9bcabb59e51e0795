// Records numbered rows as the commands on stdin request, and reports its counts on stdout, one JSON object per line.
// With the mode `writer`, it uses only the row writer of the build, which counts drops by reason. With the mode
// `agent`, it uses the library as an application does.
import cluster from 'node:cluster';
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { isMainThread, Worker } from 'node:worker_threads';

const TICK_MS = 10;
const { values } = parseArgs({
  options: {
    dist: { type: 'string' },
    mode: { type: 'string', default: 'writer' },
    label: { type: 'string', default: 'main' },
    padding: { type: 'string', default: '0' },
    server: { type: 'boolean', default: false },
    burst: { type: 'string', default: '0' },
    forked: { type: 'boolean', default: false },
  },
});
const { dist, label } = values;
const tags = { text: 'x'.repeat(Number(values.padding)) };
const realNow = Date.now;

let recorded = 0;
let rowsPerTick = 0;
let timer;
let input;
const recorder = await (values.mode === 'agent' ? createAgentRecorder() : createWriterRecorder());

/** Imports a module that has another path in earlier versions. */
async function importFirst(path, earlierPath) {
  try {
    return await import(path);
  } catch {
    return await import(earlierPath);
  }
}

async function createWriterRecorder() {
  const { readStartupConfig, findQuestdbTargets } = await import(
    `${dist}/core/config/startup-config.js`
  );
  const { createWriter } = await import(`${dist}/storage/write/create-writer.js`);
  const { DroppedRowCounter } = await importFirst(
    `${dist}/storage/spool/dropped-rows.js`,
    `${dist}/storage/write/dropped-rows.js`,
  );
  const config = readStartupConfig();
  const dropped = new DroppedRowCounter();
  const logLine = (message) => writeSync(2, `${message}\n`);
  const writer = createWriter({
    config,
    dropped,
    isServer: values.server,
    spoolDir: undefined,
    target: () => findQuestdbTargets(config)?.write,
    log: { info: logLine, warn: logLine, error: logLine },
  });
  return {
    record(seq, fields = {}) {
      const row = {
        ...config.resource,
        id: `${config.resource.service}-${label}-${seq}`,
        timestamp: Date.now(),
        metricType: 'CUSTOM',
        name: 'chaos',
        operation: label,
        tags: tags.text && JSON.stringify(tags),
        value: seq,
        count: 1,
        test: false,
      };
      writer.add('performance_metrics', [{ ...row, ...fields }]);
    },
    dropped: () => Object.fromEntries(dropped.byReason),
    waiting: () => (writer.hasSpooledRows ? 1 : 0),
    // Later versions look for the rows of ended processes by themselves.
    adopt: () => writer.adoptSpool?.(),
    flush: (ms) => writer.flush(ms),
    flushSync: () => writer.flushSync(),
    async close(ms) {
      await writer.close(ms);
    },
  };
}

async function createAgentRecorder() {
  const { performanceMonitoringService: service } = await import(`${dist}/agent-package/index.js`);
  return {
    record(seq, fields = {}) {
      service.recordMetric({
        name: 'chaos',
        operation: label,
        value: seq,
        unit: '1',
        ...(tags.text && { tags }),
        ...fields,
      });
    },
    dropped: () => (service.droppedRows > 0 ? { dropped: service.droppedRows } : {}),
    waiting: () => 0,
    adopt: () => {},
    flush: (ms) => service.flush(ms),
    flushSync: () => {},
    close: () => service.shutdown(),
  };
}

function report(fields = {}) {
  const rss = process.memoryUsage.rss();
  const status = { recorded, dropped: recorder.dropped(), waiting: recorder.waiting(), rss };
  writeSync(1, `${JSON.stringify({ ...status, ...fields })}\n`);
}

function record(count, fields) {
  for (let i = 0; i < count; i++) recorder.record(recorded++, fields);
}

const COMMANDS = {
  /** Sets the number of rows per second. */
  rate: (rows) => {
    rowsPerTick = (Number(rows) * TICK_MS) / 1000;
  },
  /** Records rows in one turn of the event loop. */
  burst: (rows) => record(Number(rows)),
  /** Records one row with other fields. */
  fields: (json) => record(1, JSON.parse(json)),
  /** Records rows with many names. */
  names: (count) => {
    for (let i = 0; i < Number(count); i++) record(1, { name: `name-${i}` });
  },
  flush: (ms) => recorder.flush(Number(ms)),
  flushSync: () => recorder.flushSync(),
  adopt: () => recorder.adopt(),
  close: (ms) => recorder.close(Number(ms)),
  chdir: (folder) => process.chdir(folder),
  setuid: (user) => process.setuid(Number(user)),
  /** Shifts the clock by a number of milliseconds. */
  clock: (ms) => {
    Date.now = () => realNow() + Number(ms);
  },
  /** Makes file operations in the spool fail. See fs-faults.cjs. */
  fault: (operation, code) => {
    globalThis.chaosFaults[operation] = code === 'none' ? undefined : code;
  },
  /** Records rows in a worker thread that ends without a flush. */
  thread: async (count) => {
    const source = `
      import('${dist}/agent-package/index.js').then(({ performanceMonitoringService: service }) => {
        for (let i = 0; i < ${Number(count)}; i++)
          service.recordMetric({ name: 'chaos', operation: '${label}-thread', value: i, unit: '1' });
        setTimeout(() => {}, 500);
      });`;
    const worker = new Worker(source, { eval: true });
    await new Promise((done) => worker.once('exit', done));
  },
  /** Records rows in processes of a cluster, and waits until they end. */
  cluster: async (processes, rows) => {
    const common = ['--dist', dist, '--mode', 'agent', '--forked', '--burst', rows];
    await Promise.all(
      Array.from({ length: Number(processes) }, (_, i) => {
        cluster.setupPrimary({ args: [...common, '--label', `${label}-${i}`], silent: true });
        return new Promise((done) => cluster.fork().once('exit', done));
      }),
    );
  },
  exit: () => {
    process.exitCode = 0;
    clearInterval(timer);
    input.close();
    process.stdin.destroy();
  },
};

if (values.forked) {
  record(Number(values.burst));
  cluster.worker.disconnect();
} else if (isMainThread) followCommands();

function followCommands() {
  let due = 0;
  timer = setInterval(() => {
    due += rowsPerTick;
    const count = Math.floor(due);
    due -= count;
    record(count);
    report();
  }, TICK_MS);
  input = createInterface({ input: process.stdin });
  let queue = Promise.resolve();
  input.on('line', (line) => {
    queue = queue.then(() => runCommand(line));
  });
  input.on('close', () => clearInterval(timer));
  process.on('exit', () => report({ exit: true }));
  report({ ready: true });
  record(Number(values.burst));
}

async function runCommand(line) {
  const [command, ...args] = line.split(' ');
  try {
    await COMMANDS[command](...args);
    report({ done: line });
  } catch (error) {
    report({ done: line, error: String(error.message) });
  }
}
