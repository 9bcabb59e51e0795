import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, openSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { expectRows } from '../support/expect-rows.ts';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';

const servers: PerfscopeServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.remove();
});

async function startServer(): Promise<PerfscopeServer> {
  const server = new PerfscopeServer();
  servers.push(server);
  await server.start();
  return server;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Sends signals to the server, and returns its exit code and signal. */
async function end(child: ChildProcess, ...signals: NodeJS.Signals[]) {
  const exited = once(child, 'exit');
  for (const signal of signals) child.kill(signal);
  return exited;
}

describe('the server', () => {
  const title = 'stops QuestDB after %s without a reader of %j';
  it.each([
    ['SIGHUP, as when a terminal is closed,', ['stdout', 'stderr'], ['SIGHUP']],
    ['Ctrl-C in a pipeline', ['stdout'], ['SIGINT', 'SIGINT']],
  ] as const)(title, expectStop);
  // Long: in CI, the cases above cover two signals, and the test of the last rows covers SIGTERM.
  it.each([
    ['SIGTERM', ['stdout'], ['SIGTERM']],
    ['SIGTERM', ['stdout', 'stderr'], ['SIGTERM']],
    ['two signals', [], ['SIGTERM', 'SIGTERM']],
  ] as const)(title, { tags: 'long' }, expectStop);

  async function expectStop(
    _case: string,
    closed: readonly ('stdout' | 'stderr')[],
    signals: readonly NodeJS.Signals[],
  ): Promise<void> {
    const server = await startServer();
    const child = server.child!;
    const { questdbPid } = server;
    for (const name of closed) {
      const stream = child[name]!;
      stream.destroy();
      await waitFor(async () => stream.closed);
    }
    // The server continues without a reader.
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    expect(await end(child, ...signals)).toEqual([0, null]);
    expect(isRunning(questdbPid)).toBe(false);
  }

  it('stores its last rows without a reader', async () => {
    // No row is written before the server stops.
    const server = new PerfscopeServer({ PERFORMANCE_FLUSH_INTERVAL: '600000' });
    servers.push(server);
    await server.start();
    const child = server.child!;
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.destroy();
      await waitFor(async () => stream.closed);
    }
    const requests = 7;
    for (let i = 0; i < requests; i++) await fetch(`${server.url}/api/performance/rules`);
    expect(await end(child, 'SIGTERM')).toEqual([0, null]);
    await server.start();
    await expectRows(
      () =>
        server.sql(
          "SELECT sum(count) FROM performance_metrics WHERE metric_type = 'API_RESPONSE_TIME' AND endpoint = '/api/performance/rules'",
        ),
      [[requests]],
    );
  });

  it('stops QuestDB when the whole process group of a pipeline gets Ctrl-C', async () => {
    const server = new PerfscopeServer();
    servers.push(server);
    const log = join(server.folder, 'log');
    const shell = spawn('bash', ['-c', `"$0" dist/bin.js serve | tee ${log}`, process.execPath], {
      env: server.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    shell.stdout.on('data', (chunk) => {
      output += chunk;
    });
    await waitFor(async () => output.includes('Ready: '));
    const { questdbPid } = server;
    expect(isRunning(questdbPid)).toBe(true);
    process.kill(-shell.pid!, 'SIGINT');
    await waitFor(async () => !isRunning(questdbPid));
    await waitFor(async () => shell.exitCode !== null || shell.signalCode !== null);
  });

  it('runs and stops with a full disk behind stdout and stderr', async () => {
    const server = new PerfscopeServer();
    servers.push(server);
    const full = openSync('/dev/full', 'w');
    const child = spawn(process.execPath, ['dist/bin.js', 'serve'], {
      env: server.env,
      stdio: ['ignore', full, full],
    });
    const pid = await waitFor(async () => server.questdbPid);
    await waitFor(async () => Boolean(server.questdb));
    expect(await end(child, 'SIGTERM')).toEqual([0, null]);
    expect(isRunning(pid)).toBe(false);
  });

  it('stops QuestDB after a signal during the start', async () => {
    const server = new PerfscopeServer();
    servers.push(server);
    const child = spawn(process.execPath, ['dist/bin.js', 'serve'], { env: server.env });
    const pid = await waitFor(async () => server.questdbPid);
    expect(await end(child, 'SIGTERM')).toEqual([0, null]);
    expect(isRunning(pid)).toBe(false);
  });
});

describe('a command', () => {
  it('ends quietly with success if the reader of its output has ended', () => {
    const script = 'set -o pipefail; "$0" dist/bin.js --help | head -n 1; echo "$?"';
    const { stdout, stderr } = spawnSync('bash', ['-c', script, process.execPath], {
      encoding: 'utf8',
    });
    expect(stdout.trim().split('\n').at(-1)).toBe('0');
    expect(stderr).toBe('');
  });

  it('fails if its output is on a full disk', async () => {
    const full = createWriteStream('/dev/full');
    await once(full, 'open');
    const child = spawn(process.execPath, ['dist/bin.js', '--help'], {
      stdio: ['ignore', full, 'pipe'],
    });
    let message = '';
    child.stderr?.on('data', (chunk) => {
      message += chunk;
    });
    const [code] = await once(child, 'close');
    full.destroy();
    expect([code, message]).toEqual([1, expect.stringContaining('could not be written')]);
  });

  it('succeeds without stderr', async () => {
    const { status } = await runPerfscope(['--version'], { PATH: process.env.PATH });
    expect(status).toBe(0);
    const script = '"$0" dist/bin.js query 2>/dev/full < /dev/null; echo "$?"';
    const { stdout } = spawnSync('bash', ['-c', script, process.execPath], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, XDG_RUNTIME_DIR: '/nonexistent' },
    });
    expect(stdout.trim()).toBe('1');
  });
});
