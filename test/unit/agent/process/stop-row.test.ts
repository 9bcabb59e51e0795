import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import {
  DurationStats,
  SystemHealthMonitor,
} from '../../../../src/agent/health/system-health-monitor.ts';
import type { SystemHealthRow } from '../../../../src/core/schema/tables/system-health-table.ts';

/** Prints a line when the agent records the normal end of the process. */
const SCRIPT = `
  import { writeSync } from 'node:fs';
  import { flushOnExit } from './src/agent/process/flush-on-exit.ts';
  let isStopped = false;
  flushOnExit({
    config: { settings: { PERFORMANCE_EXIT_TIMEOUT: 300 } },
    health: { recordStop: () => { if (!isStopped) writeSync(1, 'stopped'); isStopped = true; } },
    flushSync: () => true,
    sendSpooled: async () => {},
    sendInBackground: async () => {},
    closeSync: () => {},
  });
`;
const WAIT = 'setInterval(() => {}, 1000)';

async function run(code: string, signal?: NodeJS.Signals): Promise<string> {
  const script = `${SCRIPT}${code}; process.stdout.write('up ');`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    if (output === '' && signal) child.kill(signal);
    output += chunk;
  });
  await once(child, 'close');
  return output.replace('up ', '');
}

it.each([
  ['it has nothing left to do', '', undefined, 'stopped'],
  ['it calls process.exit(0)', 'process.exit(0)', undefined, 'stopped'],
  ['it receives SIGTERM', WAIT, 'SIGTERM', 'stopped'],
  [
    'it handles SIGTERM',
    `${WAIT}; process.once('SIGTERM', () => process.exit(1))`,
    'SIGTERM',
    'stopped',
  ],
  ['it fails', 'process.exit(1)', undefined, ''],
  ['it crashes', "setImmediate(() => { throw new Error('crash'); })", undefined, ''],
  ['it is killed', WAIT, 'SIGKILL', ''],
  [
    'it reloads on SIGHUP and then fails',
    `${WAIT}; process.once('SIGHUP', () => process.exit(1))`,
    'SIGHUP',
    '',
  ],
] as const)('the end of a process is normal or not: %s', async (_case, code, signal, expected) => {
  expect(await run(code, signal)).toBe(expected);
});

it('writes one row without measurements, and only with monitoring', async () => {
  const rows: SystemHealthRow[] = [];
  const monitor = new SystemHealthMonitor({
    resource: { service: 'booking', instance: 'i1' },
    host: { sample: () => ({ cpuUsage: 1, memoryUsage: 1, diskUsage: 1, load: 1 }) },
    eventLoop: { sample: () => undefined },
    requests: new DurationStats(),
    queries: new DurationStats(),
    countConnections: () => undefined,
    thresholds: { responseTimeWarning: 1, responseTimeCritical: 2, errorRate: 1 },
    add: (_table: string, added: readonly SystemHealthRow[]) => void rows.push(...added),
  } as unknown as ConstructorParameters<typeof SystemHealthMonitor>[0]);
  const readStatuses = () => rows.map(({ status, cpuUsage }) => [status, cpuUsage]);
  monitor.recordStop();
  expect(readStatuses()).toEqual([]);
  monitor.startMonitoring(60_000);
  await monitor.writeRow();
  monitor.recordStop();
  monitor.recordStop();
  expect(readStatuses()).toEqual([
    ['healthy', 1],
    ['healthy', 1],
    ['stopped', undefined],
  ]);
  // The process continues.
  await monitor.writeRow();
  monitor.recordStop();
  expect(
    readStatuses()
      .map(([status]) => status)
      .slice(3),
  ).toEqual(['healthy', 'stopped']);
  monitor.stopMonitoring();
});
