// Runs a definition in its own process: run-definition.mjs FILE MODE, where MODE is `service` or `client`. The parent
// sends commands over IPC: { start }, { measure: ms }, { usage }, and { connect: port }.
import { createRequire } from 'node:module';

const [file, mode] = process.argv.slice(2);
const definition = createRequire(import.meta.url)(file);
/** Operations that run at the same time. HTTP servers get as many requests from autocannon. */
const { parallel = definition.client ? 8 : 1 } = definition;
let operations;

process.on('message', async (command) => {
  try {
    process.send({ result: await execute(command) });
  } catch (error) {
    process.send({ error: String(error?.stack ?? error) });
  }
});

async function execute(command) {
  if ('start' in command) return start();
  if ('connect' in command) {
    operations = await definition.client.connect(command.connect);
    return null;
  }
  if ('measure' in command) return measure(command.measure);
  return readCpuMicros();
}

/** Returns the port of a server. */
async function start() {
  if (mode === 'client') return null;
  if (definition.listen) return definition.listen();
  operations = await definition.setup(process.env);
  return null;
}

/** Runs operations for a time in ms, and returns their number and the CPU time in µs. */
async function measure(ms) {
  const endMs = performance.now() + ms;
  const before = readCpuMicros();
  let count = 0;
  while (performance.now() < endMs) {
    if (parallel === 1) await operations.run();
    else await Promise.all(Array.from({ length: parallel }, () => operations.run()));
    count += parallel;
    // Operations without I/O would otherwise block the timers and the garbage collection.
    if (count % 1000 === 0) await new Promise(setImmediate);
  }
  return { count, micros: readCpuMicros() - before };
}

function readCpuMicros() {
  const { user, system } = process.cpuUsage();
  return user + system;
}
