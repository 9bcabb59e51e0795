import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { findFreePort } from '../../demo/server-process.ts';
import { toolPath } from '../../scripts/tools.mjs';
import { waitFor } from './wait-for.ts';
import { waitForExit } from './wait-for-exit.ts';

const PORT_NAMES = [
  'OTLP_GRPC_PORT',
  'OTLP_HTTP_PORT',
  'HEALTH_PORT',
  'TELEMETRY_PORT',
  'PROMETHEUS_PORT',
] as const;
type PortName = (typeof PORT_NAMES)[number];

export interface CollectorOptions {
  /** Names of the files in `collector/`, or absolute paths. Later files take precedence. */
  readonly files: readonly string[];
  /** Folder of the persistent queue. */
  readonly queueDir: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs the real Collector on free ports. A restarted Collector has the same ports and the same queue. */
export class CollectorProcess {
  readonly #options: CollectorOptions;
  readonly #ports: Readonly<Record<PortName, string>>;
  #child: ChildProcess | undefined;
  #exited: Promise<unknown> | undefined;
  output = '';

  private constructor(options: CollectorOptions, ports: Readonly<Record<PortName, string>>) {
    this.#options = options;
    this.#ports = ports;
  }

  /** Starts a Collector, and resolves when it is healthy. */
  static async start(options: CollectorOptions): Promise<CollectorProcess> {
    const ports: Partial<Record<PortName, string>> = {};
    for (const name of PORT_NAMES) ports[name] = String(await findFreePort());
    mkdirSync(options.queueDir, { recursive: true });
    const collector = new CollectorProcess(options, ports as Record<PortName, string>);
    await collector.restart();
    return collector;
  }

  /** Address of one of its ports, such as `http://127.0.0.1:4318`. */
  url(name: PortName = 'OTLP_HTTP_PORT'): string {
    return `http://127.0.0.1:${this.#ports[name]}`;
  }

  async restart(): Promise<void> {
    const { files, queueDir, env } = this.#options;
    const args = files.map((file) => `--config=${toCollectorPath(file)}`);
    const child = spawn(await toolPath('collector'), args, {
      env: { ...this.#ports, QUEUE_DIR: queueDir, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    this.#exited = waitForExit(child);
    child.stderr.on('data', (chunk) => {
      this.output += chunk;
    });
    await waitFor(async () => {
      if (child.exitCode !== null) return true;
      return (await fetch(this.url('HEALTH_PORT'))).ok;
    });
    if (child.exitCode !== null) throw new Error(this.output);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) child.kill(signal);
    await this.#exited;
  }

  /** Returns the sum of one of the Collector's own metrics. Missing metrics are 0. */
  async readOwnMetric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url('TELEMETRY_PORT')}/metrics`)).text();
    const values = [...text.matchAll(new RegExp(`^${name}(?:_total)?(?:\\{.*\\})? (\\S+)$`, 'gm'))];
    return values.reduce((sum, [, value]) => sum + Number(value), 0);
  }
}

/** Returns the path of a file in `collector/`. Absolute paths don't change. */
export function toCollectorPath(file: string): string {
  return file.startsWith('/') ? file : `collector/${file}`;
}
