import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toolPath } from '../../scripts/tools.mjs';
import { waitFor } from './wait-for.ts';
import { waitForExit } from './wait-for-exit.ts';

/** A point that an in-memory reader received, or that was exported. The services write the points as JSON. */
export interface RecordedPoint {
  readonly name: string;
  readonly unit: string;
  readonly kind: 'Sum' | 'Gauge' | 'Histogram' | 'ExponentialHistogram';
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  /** Only in exported points, in ms since the epoch. */
  readonly timeMs?: number;
  readonly value?: number;
  readonly count?: number;
  readonly sum?: number;
  readonly explicit_bounds?: readonly number[];
  readonly bucket_counts?: readonly number[];
  readonly scale?: number;
  readonly offset?: number;
  readonly zero_count?: number;
}

export type OtelLanguage = 'Go' | 'Node.js' | 'Python';

const COMMANDS: Readonly<Record<OtelLanguage, () => Promise<string[]>>> = {
  Go: async () => [await toolPath('go-service')],
  'Node.js': async () => [process.execPath, 'test/apps/node-service.mjs'],
  Python: async () => ['python3', 'test/apps/python-service/app.py'],
};

export interface OtelServiceOptions {
  readonly language: OtelLanguage;
  readonly name: string;
  /** Address of an OTLP/HTTP endpoint, without path. */
  readonly endpoint: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a service of `test/apps` that is measured by the OpenTelemetry SDK of its language. */
export class OtelService {
  readonly #folder = mkdtempSync(join(tmpdir(), 'perfscope-otel-'));
  #child: ChildProcess | undefined;
  #exited: Promise<number | NodeJS.Signals> | undefined;
  url = '';
  output = '';

  static async start(options: OtelServiceOptions): Promise<OtelService> {
    const service = new OtelService();
    await service.#start(options);
    return service;
  }

  async #start({ language, name, endpoint, env }: OtelServiceOptions): Promise<void> {
    const [command = '', ...args] = await COMMANDS[language]();
    writeFileSync(join(this.#folder, 'exported'), '');
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        PYTHONPATH: language === 'Python' ? await toolPath('python-packages') : '',
        OTEL_SERVICE_NAME: name,
        OTEL_RESOURCE_ATTRIBUTES: 'service.version=1.0.0',
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        OTEL_METRIC_EXPORT_INTERVAL: '1000',
        // Flask's instrumentation uses the old names by default.
        OTEL_SEMCONV_STABILITY_OPT_IN: 'http',
        EXPORTED_FILE: join(this.#folder, 'exported'),
        RECORDED_FILE: join(this.#folder, 'recorded'),
        ...env,
      },
    });
    this.#child = child;
    this.#exited = waitForExit(child);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        this.output += chunk;
      });
    }
    this.url = await waitFor(async () => {
      return /Ready: (\S+)/.exec(this.output)?.[1] ?? (child.exitCode !== null && 'exited');
    });
    if (this.url === 'exited') throw new Error(this.output);
  }

  /** Sends a request, and returns the status of the response. */
  async request(path: string): Promise<number> {
    const response = await fetch(this.url + path);
    await response.arrayBuffer();
    return response.status;
  }

  /** Points that were exported so far. Only for Node.js. */
  get exported(): RecordedPoint[] {
    const lines = readFileSync(join(this.#folder, 'exported'), 'utf8').split('\n');
    return lines.filter(Boolean).map((line) => JSON.parse(line) as RecordedPoint);
  }

  /** Stops the service after its last export, and returns the points of its in-memory reader. */
  async stop(): Promise<RecordedPoint[]> {
    this.#child?.kill('SIGTERM');
    const exit = await this.#exited;
    if (exit !== 0) throw new Error(`exit ${exit}: ${this.output}`);
    return JSON.parse(readFileSync(join(this.#folder, 'recorded'), 'utf8')) as RecordedPoint[];
  }

  async remove(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
