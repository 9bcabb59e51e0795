// Runs `npm test` twice while other processes keep the processors busy. Finds tests that depend on the speed of the
// machine. The last lines are both totals. With arguments, runs only the tests that match them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const RUNS = 2;
const BUSY_PROCESSES = 4;
/** Also ends if this process was killed. */
const BUSY_LOOP = 'const parent = process.ppid; while (process.ppid === parent);';

const busy = Array.from({ length: BUSY_PROCESSES }, () =>
  spawn(process.execPath, ['-e', BUSY_LOOP], { stdio: 'ignore' }),
);
const stopBusyProcesses = () => busy.forEach((child) => void child.kill('SIGKILL'));
process.once('exit', stopBusyProcesses);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

const totals = [];
let hasFailed = false;
for (let run = 1; run <= RUNS; run++) totals.push(`run ${run}: ${await runTests()}`);
console.log(`\n${totals.join('\n')}`);
process.exit(hasFailed ? 1 : 0);

/** Returns the last line of the output, which is the total. */
async function runTests() {
  const child = spawn('npm', ['test', '--', ...process.argv.slice(2)], {
    stdio: ['inherit', 'pipe', 'inherit'],
  });
  let end = '';
  child.stdout.on('data', (chunk) => {
    process.stdout.write(chunk);
    end = (end + chunk).slice(-200);
  });
  const [code] = await once(child, 'close');
  if (code !== 0) hasFailed = true;
  return end.trimEnd().split('\n').at(-1);
}
