import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toolPath } from '../../scripts/tools.mjs';
import { listenOnFreePort } from '../../test/support/listen-on-free-port.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { waitForExit } from '../../test/support/wait-for-exit.ts';

/** Another program that receives OTLP/HTTP, in a temporary folder. */
export class Receiver {
  readonly url: string;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(url: string, folder: string, child: ChildProcess) {
    this.url = url;
    this.#folder = folder;
    this.#child = child;
  }

  /** Starts a Collector that receives metrics and exports them to nothing. */
  static async startCollector(log: (line: string) => void): Promise<Receiver> {
    const program = await toolPath('collector', log);
    const port = await findFreePort();
    const folder = mkdtempSync(join(tmpdir(), 'perfscope-bench-'));
    const config = join(folder, 'config.yaml');
    writeFileSync(config, createCollectorConfig(port));
    const url = `http://127.0.0.1:${port}/v1/metrics`;
    return Receiver.#start(url, folder, program, ['--config', config]);
  }

  /** Starts Prometheus with its OTLP receiver, which stores the metrics. */
  static async startPrometheus(log: (line: string) => void): Promise<Receiver> {
    const program = await toolPath('prometheus', log);
    const port = await findFreePort();
    const folder = mkdtempSync(join(tmpdir(), 'perfscope-bench-'));
    mkdirSync(join(folder, 'data'));
    const config = join(folder, 'prometheus.yml');
    writeFileSync(config, 'scrape_configs: []\n');
    const address = `127.0.0.1:${port}`;
    return Receiver.#start(`http://${address}/api/v1/otlp/v1/metrics`, folder, program, [
      '--web.enable-otlp-receiver',
      `--web.listen-address=${address}`,
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
    ]);
  }

  static async #start(url: string, folder: string, program: string, args: string[]) {
    const child = spawn(program, args, { stdio: 'ignore' });
    const receiver = new Receiver(url, folder, child);
    const headers = { 'content-type': 'application/x-protobuf' };
    await waitFor(async () => {
      if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
      return (await fetch(url, { method: 'POST', headers, body: '' })).ok;
    }, 60_000);
    return receiver;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async remove(): Promise<void> {
    const exited = waitForExit(this.#child);
    this.#child.kill('SIGTERM');
    await exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function createCollectorConfig(port: number): string {
  return JSON.stringify({
    receivers: { otlp: { protocols: { http: { endpoint: `127.0.0.1:${port}` } } } },
    exporters: { nop: {} },
    service: {
      telemetry: { metrics: { level: 'none' } },
      pipelines: { metrics: { receivers: ['otlp'], exporters: ['nop'] } },
    },
  });
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  const port = await listenOnFreePort(server);
  await new Promise((done) => server.close(done));
  return port;
}
