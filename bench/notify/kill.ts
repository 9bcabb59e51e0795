// Kills a notifier at each stage of a delivery and counts the received messages.
// Usage: node bench/notify/kill.ts [TIMES_PER_STAGE], default: 100
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { formatNotifyFile } from '../../test/support/notifier-fixtures.ts';

/** Stages of a delivery. At `sending`, the receiver has the message but hasn't responded. */
export const STAGES = [
  'deciding',
  'decided',
  'trying',
  'sending',
  'answered',
  'recording',
] as const;
type KillStage = (typeof STAGES)[number];

/** Result of a delivery whose process was killed once. */
export interface KillResult {
  /** Number of times the message was received. */
  readonly arrived: number;
  /** Number of different message ids. */
  readonly ids: number;
  /** Number of different rows that record the delivery. */
  readonly recorded: number;
}

/** Delivers one message, kills the notifier at the given stage, and starts it again. */
export async function deliverWithKill(stage: KillStage): Promise<KillResult> {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-kill-'));
  const arrived: string[] = [];
  const child: { kill?: () => void } = {};
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      arrived.push((JSON.parse(body) as { id: string }).id);
      if (stage === 'sending' && arrived.length === 1) child.kill?.();
      else response.end();
    });
  });
  try {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
    const secretFile = join(folder, 'secret');
    writeFileSync(secretFile, 's'.repeat(40), { mode: 0o600 });
    writeFileSync(join(folder, 'notify.yaml'), formatNotifyFile({ hook: url }, secretFile));
    const firstExit = await runNotifier(folder, stage, child);
    if (firstExit !== 'SIGKILL')
      throw new Error(`the notifier was not killed at stage ${stage}, it exited with ${firstExit}`);
    const secondExit = await runNotifier(folder, '', {});
    if (secondExit !== 0) throw new Error(`the second start exited with ${secondExit}`);
    return {
      arrived: arrived.length,
      ids: new Set(arrived).size,
      recorded: countRecordedRows(folder),
    };
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function runNotifier(
  folder: string,
  stage: string,
  handle: { kill?: () => void },
): Promise<NodeJS.Signals | number | null> {
  const script = join(import.meta.dirname, 'notifier-process.ts');
  const node = join(import.meta.dirname, '../../node_modules/.bin/node');
  const child = spawn(node, [script, folder, stage], { stdio: ['ignore', 'inherit', 'inherit'] });
  handle.kill = () => void child.kill('SIGKILL');
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  return signal ?? code;
}

function countRecordedRows(folder: string): number {
  const file = join(folder, 'rows');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  const rows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const delivered = rows.filter(({ status }) => status === 'delivered');
  return new Set(delivered.map(({ timestamp, id, seq }) => `${timestamp} ${id} ${seq}`)).size;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const times = Number(process.argv[2] ?? 100);
  for (const stage of STAGES) {
    const counts: Record<string, number> = {};
    for (let i = 0; i < times; i++) {
      const { arrived, ids, recorded } = await deliverWithKill(stage);
      const outcome = `arrived ${arrived} times, ${ids} ids, recorded ${recorded}`;
      counts[outcome] = (counts[outcome] ?? 0) + 1;
      if (arrived < 1 || arrived > 2 || ids !== 1 || recorded !== 1) process.exitCode = 1;
    }
    console.log(stage, counts);
  }
}
