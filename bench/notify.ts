import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atLeast, atMost, type BenchOptions, type Report } from './report.ts';
import { readResidentMb } from './resident-memory.ts';

const TRANSITIONS_PER_SECOND = 10_000 / 60;

/** A storm of alerts, told to one receiver that answers and one that never does. */
export async function benchNotify({ quick, say }: BenchOptions): Promise<Report> {
  const seconds = quick ? 15 : 60;
  const alerts = Math.round((TRANSITIONS_PER_SECOND * seconds) / 2);
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-bench-notify-'));
  const good = new WebhookServer(true);
  const stuck = new WebhookServer(false);
  try {
    const [goodUrl, stuckUrl] = [await good.start(), await stuck.start()];
    writeFileSync(join(folder, 'secret'), 's'.repeat(40), { mode: 0o600 });
    writeFileSync(join(folder, 'notify.yaml'), formatNotifyFile(folder, goodUrl, stuckUrl));
    say(`${2 * alerts} transitions within ${seconds} s`);
    const args = ['bench/notify/storm.mjs', folder, String(alerts), String(seconds)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let mostMb = 0;
    const watch = setInterval(() => {
      mostMb = Math.max(mostMb, readResidentMb(child.pid ?? 0));
    }, 250);
    let out = '';
    child.stdout?.on('data', (piece) => {
      out += String(piece);
    });
    await once(child, 'exit');
    clearInterval(watch);
    const told = JSON.parse(out) as Record<string, number>;
    return {
      targets: [
        atMost('transitions lost', 2 * alerts - good.seen.size, 0, '1'),
        atMost('messages that came twice', good.messages - good.ids.size, 0, '1'),
        atLeast('attempts at the stuck receiver', stuck.messages, 1, '1'),
        atMost('until the other receiver has it, 99 %', good.getDelayQuantile(0.99), 5000, 'ms'),
        atMost('resident memory of the notifier, most', mostMb, 150, 'MB'),
      ],
      details: {
        ...told,

        messages: good.messages,
        medianMs: good.getDelayQuantile(0.5),
        alerts,
      },
    };
  } finally {
    good.stop();
    stuck.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function formatNotifyFile(folder: string, good: string, stuck: string): string {
  const hook = (url: string) =>
    `{ kind: webhook, url: "${url}", secretFile: "${folder}/secret", allowHttp: true, allowPrivate: true }`;
  const limit = 'limit: { messages: 100000 }';
  return `
receivers:
  - { name: good, channels: [${hook(good)}], ${limit} }
  - { name: stuck, channels: [${hook(stuck)}], ${limit} }
route: { receivers: [stuck, good] }
`;
}

interface WebhookBody {
  id: string;
  alerts: { id: string; state: string; annotations: Record<string, string> }[];
}

/** A receiver of webhooks. */
class WebhookServer {
  readonly #server: Server;
  readonly ids = new Set<string>();
  /** Of alerts: which, and in which state. */
  readonly seen = new Set<string>();
  readonly #delays: number[] = [];
  messages = 0;

  constructor(answers: boolean) {
    this.#server = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        this.messages += 1;
        if (!answers) return;
        this.#note(JSON.parse(Buffer.concat(pieces).toString()) as WebhookBody);
        response.end();
      });
    });
  }

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** From a transition to its arrival, with the time that its group waits. */
  getDelayQuantile(share: number): number {
    const sorted = this.#delays.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  }

  #note({ id, alerts }: WebhookBody): void {
    this.ids.add(id);
    for (const alert of alerts) {
      const key = `${alert.id} ${alert.state}`;
      if (this.seen.has(key)) continue;
      this.seen.add(key);
      this.#delays.push(Date.now() - Number(alert.annotations.sentMs));
    }
  }
}
