// npm run demo -- [--fast] [--scenario NAMES] [--without-server]: starts the demo.
import { parseArgs } from 'node:util';
import { Demo } from './demo.ts';
import { parseScenarios } from './scenarios.ts';
import { formatUsage } from './usage.ts';

const print = (line: string) => console.log(`demo: ${line}`);

function exitWithUsage(problem?: string): never {
  if (problem) console.error(`demo: ${problem}`);
  console.log(formatUsage());
  process.exit(problem ? 2 : 0);
}

function parseOptions() {
  try {
    return parseArgs({
      options: {
        fast: { type: 'boolean', default: false },
        scenario: { type: 'string' },
        'without-server': { type: 'boolean', default: false },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    return exitWithUsage(error instanceof Error ? error.message : String(error));
  }
}

const { fast, scenario, help, 'without-server': withoutServer } = parseOptions();
if (help) exitWithUsage();
const scenarios = scenario === undefined ? [] : parseScenarios(scenario);
if (typeof scenarios === 'string') exitWithUsage(`unknown scenario ${scenarios}`);
if (withoutServer && !process.env.PERFORMANCE_QUESTDB_URL) {
  exitWithUsage('--without-server requires PERFORMANCE_QUESTDB_URL');
}

// If the reader of the output has ended, the demo must still stop all its processes.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const demo = new Demo({ fast, scenarios, withoutServer, log: print });
let isStopping = false;
const stop = async (code: number) => {
  if (isStopping) return;
  isStopping = true;
  print('Stopping …');
  await demo.stop().catch((error: Error) => console.error(`demo: ${error.message}`));
  process.exit(code);
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => void stop(0));

try {
  await demo.start();
  if (!withoutServer) {
    print(`Page: ${demo.serverUrl} (data appears after a few seconds)`);
    print(`API: ${demo.serverUrl}/api/performance/dashboard?last=15m&organizationId=grand-hotels`);
  }
  print(`Booking service: ${demo.serviceUrl}/api/properties/seaside/rooms`);
  print(fast ? 'A day takes ten minutes. Press Ctrl-C to stop.' : 'Press Ctrl-C to stop.');
} catch (error) {
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
  await stop(1);
}
