import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { findFreePorts } from '../../src/storage/questdb/server-conf.ts';
import { readResidentMb } from '../process-usage.ts';
import { formatExposition, formatPrometheusRules } from './alert-load.ts';

/** Runs a real Prometheus that scrapes 8,000 series and evaluates the same rules. */
export class AlertingPrometheus {
  #child: ChildProcess | undefined;
  #exporter: Server | undefined;
  #url = '';

  async start(folder: string): Promise<void> {
    const exporter = createServer((_request, response) => response.end(formatExposition()));
    await new Promise<void>((done) => exporter.listen(0, '127.0.0.1', done));
    this.#exporter = exporter;
    const target = `127.0.0.1:${(exporter.address() as AddressInfo).port}`;
    const rules = join(folder, 'prometheus-rules.json');
    writeFileSync(rules, formatPrometheusRules());
    execFileSync('promtool', ['check', 'rules', rules]);
    const config = join(folder, 'prometheus.json');
    writeFileSync(
      config,
      JSON.stringify({
        global: { scrape_interval: '5s', evaluation_interval: '30s' },
        rule_files: [rules],
        scrape_configs: [{ job_name: 'bench', static_configs: [{ targets: [target] }] }],
      }),
    );
    const { http: port } = await findFreePorts({ http: 29_090, pg: 29_091 });
    this.#url = `http://127.0.0.1:${port}`;
    this.#child = spawn(
      'prometheus',
      [
        ...[`--config.file=${config}`, `--storage.tsdb.path=${join(folder, 'prometheus')}`],
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    );
  }

  async getStats() {
    const text = await (await fetch(`${this.#url}/metrics`)).text();
    const valuesOf = (name: string) =>
      [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].map((m) =>
        Number(m[1]),
      );
    const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
    return {
      prometheusMissed: sum(valuesOf('prometheus_rule_group_iterations_missed_total')),
      prometheusRoundSeconds: sum(valuesOf('prometheus_rule_group_last_duration_seconds')),
      prometheusCpuSeconds: sum(valuesOf('process_cpu_seconds_total')),
      prometheusResidentMb: readResidentMb(this.#child?.pid ?? 0),
      prometheusSeries: sum(valuesOf('prometheus_tsdb_head_series')),
    };
  }

  async stop(): Promise<void> {
    this.#exporter?.close();
    this.#exporter?.closeAllConnections();
    const child = this.#child;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill();
    await ended;
  }
}
