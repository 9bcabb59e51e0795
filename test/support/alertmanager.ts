import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findExecutable, findFreePort, ServerProcess } from '../../demo/server-process.ts';
import { waitFor } from './wait-for.ts';

/** Runs a real Alertmanager that sends all alerts to a webhook with minimal delay. */
export class Alertmanager {
  readonly #process = new ServerProcess('alertmanager');
  url = '';
  /** Address for the other cluster members. Empty without a cluster. */
  peer = '';

  /** @param peers addresses of the other cluster members. If undefined, clustering is off. */
  async start(webhookUrl: string, peers?: readonly string[]): Promise<void> {
    const port = await findFreePort();
    this.url = `http://127.0.0.1:${port}`;
    const config = join(this.#process.folder, 'alertmanager.json');
    // Must be longer than the peer timeout. Otherwise a member could send an alert after another member has
    // already sent its resolution.
    const group_interval = peers === undefined ? '1s' : '5s';
    const timing = { group_wait: '1s', group_interval, repeat_interval: '1h' };
    const webhook_configs = [{ url: webhookUrl, send_resolved: true }];
    writeFileSync(
      config,
      JSON.stringify({
        route: { receiver: 'hook', group_by: ['alertname'], ...timing },
        receivers: [{ name: 'hook', webhook_configs }],
      }),
    );
    const cluster = peers === undefined ? '' : `127.0.0.1:${await findFreePort()}`;
    this.peer = cluster;
    const command = findExecutable('prometheus-alertmanager') ?? 'alertmanager';
    this.#process.start(command, [
      `--config.file=${config}`,
      `--storage.path=${join(this.#process.folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--cluster.listen-address=${cluster}`,
      ...(peers ?? []).map((peer) => `--cluster.peer=${peer}`),
      // Each member waits this long for the members before it to send first.
      '--cluster.peer-timeout=1s',
    ]);
    const state = await waitFor(
      async () => this.#process.exitOutput ?? (await fetch(`${this.url}/-/ready`)).ok,
    );
    if (state !== true) throw new Error(`Alertmanager did not start: ${state}`);
  }

  /** Returns whether the cluster is ready and has this many members. */
  async hasClusterSize(members: number): Promise<boolean> {
    const { cluster } = (await this.#get('status')) as {
      cluster: { status: string; peers?: unknown[] };
    };
    return cluster.status === 'ready' && cluster.peers?.length === members;
  }

  /** Sends an alert to this member only. The alert is resolved if it ended in the past. */
  async sendAlert(alertname: string, endsAt: Date): Promise<void> {
    const { ok, status } = await fetch(`${this.url}/api/v2/alerts`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify([{ labels: { alertname }, endsAt }]),
    });
    if (!ok) throw new Error(`Alertmanager responded with ${status}`);
  }

  async listAlerts(): Promise<{ labels: Record<string, string>; endsAt: string }[]> {
    return (await this.#get('alerts')) as { labels: Record<string, string>; endsAt: string }[];
  }

  /** Returns how often this member has checked whether a notification was already sent. */
  async countDuplicateChecks(): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    return Number(/^alertmanager_nflog_queries_total (\S+)$/m.exec(text)?.[1] ?? 0);
  }

  remove(): Promise<void> {
    return this.#process.remove();
  }

  async #get(path: string): Promise<unknown> {
    return (await fetch(`${this.url}/api/v2/${path}`)).json();
  }
}
