// Kills a notifier at each stage of a delivery, and counts what arrives: node bench/notify/kill.ts 100
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** `sending`: the message has arrived, and is not answered. */
export const STAGES = [
  'deciding',
  'decided',
  'trying',
  'sending',
  'answered',
  'recording',
] as const;
type KillStage = (typeof STAGES)[number];

/** What came of one delivery whose process was killed once. */
export interface KillResult {
  /** How often the message arrived. */
  readonly arrived: number;
  /** Ids under which it did. */
  readonly ids: number;
  /** Rows that say that it was delivered, each told once by its keys. */
  readonly recorded: number;
}

export async function deliverWithKill(stage: KillStage): Promise<KillResult> {
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-kill-'));
  const arrived: string[] = [];
  const child: { kill?: () => void } = {};
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece) => {
      body += piece;
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
    writeFileSync(join(folder, 'secret'), 's'.repeat(40), { mode: 0o600 });
    writeFileSync(join(folder, 'notify.yaml'), formatNotifyFile(url, join(folder, 'secret')));
    const killed = await runNotifier(folder, stage, child);
    if (killed !== 'SIGKILL') throw new Error(`it was not killed at ${stage}: ${killed}`);
    const ended = await runNotifier(folder, '', {});
    if (ended !== 0) throw new Error(`the next start failed: ${ended}`);
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

function formatNotifyFile(url: string, secretFile: string): string {
  return `
receivers:
  - name: hook
    channels:
      - { kind: webhook, url: "${url}", secretFile: "${secretFile}", allowHttp: true, allowPrivate: true }
route: { receivers: [hook] }
`;
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
      const what = `arrived ${arrived} times, ${ids} ids, recorded ${recorded}`;
      counts[what] = (counts[what] ?? 0) + 1;
      if (arrived < 1 || arrived > 2 || ids !== 1 || recorded !== 1) process.exitCode = 1;
    }
    console.log(stage, counts);
  }
}
