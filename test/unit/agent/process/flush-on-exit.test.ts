import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it } from 'vitest';

/** An agent whose methods fail. */
const FLUSH = `
  import { flushOnExit } from './src/agent/process/flush-on-exit.ts';
  const fail = () => { throw new Error('no disk'); };
  flushOnExit({
    config: { settings: { PERFORMANCE_EXIT_TIMEOUT: 300 } },
    flushSync: FLUSH_SYNC,
    sendSpooled: fail,
    closeSync: fail,
  });
`;

it.each([
  ['flushSync fails', 'fail'],
  ['sendSpooled fails', '() => true'],
])('ends the process as without the agent if %s', async (_case, flushSync) => {
  const run = async (code: string, signal?: NodeJS.Signals) => {
    const script = `${FLUSH.replace('FLUSH_SYNC', flushSync)}${code}`;
    const args = ['--input-type=module', '--eval', `${script}; console.log('up');`];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    if (signal) child.stdout.once('data', () => child.kill(signal));
    const [exitCode, exitSignal] = await once(child, 'exit');
    return exitSignal ?? exitCode;
  };
  const wait = 'setInterval(() => {}, 1000)';
  expect(await run('')).toBe(0);
  expect(await run('process.exit(3)')).toBe(3);
  expect(await run(wait, 'SIGTERM')).toBe('SIGTERM');
  expect(await run(wait, 'SIGINT')).toBe('SIGINT');
  expect(await run(`process.once('SIGHUP', () => process.exit(4)); ${wait}`, 'SIGHUP')).toBe(4);
  expect(await run("process.kill(process.pid, 'SIGTERM')")).toBe('SIGTERM');
});
