import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findExecutable, findFreePort, ServerProcess } from '../../demo/server-process.ts';
import { waitFor } from './wait-for.ts';

/** A real Alertmanager that tells a webhook of everything at once. */
export class Alertmanager {
  readonly #program = new ServerProcess('alertmanager');
  url = '';
  /** Where the members of a cluster find it. */
  peer = '';

  /** @param peers of its cluster; undefined: it is alone */
  async start(webhookUrl: string, peers?: readonly string[]): Promise<void> {
    const port = await findFreePort();
    this.url = `http://127.0.0.1:${port}`;
    const config = join(this.#program.folder, 'alertmanager.json');
    // Longer than a member waits for the others, as anywhere else: or it would tell of what was
    // true before the others told of its end.
    const group_interval = peers === undefined ? '1s' : '5s';
    const times = { group_wait: '1s', group_interval, repeat_interval: '1h' };
    const webhook_configs = [{ url: webhookUrl, send_resolved: true }];
    writeFileSync(
      config,
      JSON.stringify({
        route: { receiver: 'hook', group_by: ['alertname'], ...times },
        receivers: [{ name: 'hook', webhook_configs }],
      }),
    );
    const cluster = peers === undefined ? '' : `127.0.0.1:${await findFreePort()}`;
    this.peer = cluster;
    const command = findExecutable('prometheus-alertmanager') ?? 'alertmanager';
    this.#program.start(command, [
      `--config.file=${config}`,
      `--storage.path=${join(this.#program.folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--cluster.listen-address=${cluster}`,
      ...(peers ?? []).map((peer) => `--cluster.peer=${peer}`),
      // A member further back waits this long for the others to tell first.
      '--cluster.peer-timeout=1s',
    ]);
    await waitFor(async () => (await fetch(`${this.url}/-/ready`)).ok);
  }

  /** Whether its cluster has so many members, and it tells people by now. */
  async hasClusterSize(members: number): Promise<boolean> {
    const { cluster } = (await this.#get('status')) as {
      cluster: { status: string; peers?: unknown[] };
    };
    return cluster.status === 'ready' && cluster.peers?.length === members;
  }

  async alerts(): Promise<{ labels: Record<string, string>; endsAt: string }[]> {
    return (await this.#get('alerts')) as { labels: Record<string, string>; endsAt: string }[];
  }

  remove(): Promise<void> {
    return this.#program.remove();
  }

  async #get(path: string): Promise<unknown> {
    return (await fetch(`${this.url}/api/v2/${path}`)).json();
  }
}
