import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatNotifyFile } from '../test/support/notifier-fixtures.ts';
import { readResidentMb } from './process-usage.ts';
import { atLeast, atMost, type BenchOptions, type Report } from './report.ts';

const TRANSITIONS_PER_SECOND = 10_000 / 60;

/** Sends a burst of alerts to two receivers. One of them never responds. */
export async function benchNotify({ quick, log }: BenchOptions): Promise<Report> {
  const seconds = quick ? 15 : 60;
  const alerts = Math.round((TRANSITIONS_PER_SECOND * seconds) / 2);
  const folder = mkdtempSync(join(tmpdir(), 'perfscope-bench-notify-'));
  const good = new WebhookServer({ responds: true });
  const stuck = new WebhookServer({ responds: false });
  try {
    const [goodUrl, stuckUrl] = [await good.start(), await stuck.start()];
    const secretFile = join(folder, 'secret');
    writeFileSync(secretFile, 's'.repeat(40), { mode: 0o600 });
    const limit = 'limit: { messages: 100000 }';
    const config = formatNotifyFile({ stuck: stuckUrl, good: goodUrl }, secretFile, limit);
    writeFileSync(join(folder, 'notify.yaml'), config);
    log(`${2 * alerts} transitions within ${seconds} s`);
    const args = ['bench/notify/storm.mjs', folder, String(alerts), String(seconds)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let peakMb = 0;
    const memoryTimer = setInterval(() => {
      peakMb = Math.max(peakMb, readResidentMb(child.pid ?? 0));
    }, 250);
    let output = '';
    child.stdout?.on('data', (chunk) => {
      output += String(chunk);
    });
    await once(child, 'exit');
    clearInterval(memoryTimer);
    const report = JSON.parse(output) as Record<string, number>;
    return {
      targets: [
        atMost('transitions lost', 2 * alerts - good.seen.size, 0, '1'),
        atMost('messages received twice', good.messages - good.ids.size, 0, '1'),
        atLeast('attempts to the receiver that never responds', stuck.messages, 1, '1'),
        atMost('p99 delay to the responding receiver', good.getDelayQuantile(0.99), 5000, 'ms'),
        atMost('peak resident memory of the notifier', peakMb, 150, 'MB'),
      ],
      details: {
        ...report,
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

interface WebhookBody {
  id: string;
  alerts: { id: string; state: string; annotations: Record<string, string> }[];
}

/** A webhook receiver that records the messages. */
class WebhookServer {
  readonly #server: Server;
  readonly ids = new Set<string>();
  /** Alert ids with their states. */
  readonly seen = new Set<string>();
  readonly #delays: number[] = [];
  messages = 0;

  constructor({ responds }: { responds: boolean }) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        this.messages += 1;
        if (!responds) return;
        this.#record(JSON.parse(Buffer.concat(chunks).toString()) as WebhookBody);
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

  /** Returns a quantile of the time from transition to receipt, in ms. Includes the group wait time. */
  getDelayQuantile(q: number): number {
    const sorted = this.#delays.toSorted((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
  }

  #record({ id, alerts }: WebhookBody): void {
    this.ids.add(id);
    for (const alert of alerts) {
      const key = `${alert.id} ${alert.state}`;
      if (this.seen.has(key)) continue;
      this.seen.add(key);
      this.#delays.push(Date.now() - Number(alert.annotations.sentMs));
    }
  }
}
