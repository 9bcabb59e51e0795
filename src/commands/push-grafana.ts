import { readFileSync } from 'node:fs';
import { isLoopback } from '../config/loopback.ts';
import type { Settings } from '../config/settings.ts';
import { coded, reasonOf } from '../errors.ts';
import type { Addresses } from '../grafana/provisioning.ts';
import { checkRules } from './check-rules.ts';
import { note, sayJson, tableOf } from './output.ts';

export interface PushOptions {
  /** File with the token; without it the environment's. */
  readonly tokenFile?: string;
  /** QuestDB's address, where the user has said it. */
  readonly questdb?: string;
  readonly json?: boolean;
}

/** Pushes everything to the Grafana at `url`, and says what was done. */
export async function pushTo(
  url: string,
  settings: Settings,
  { tokenFile, json, questdb }: PushOptions,
  addresses: Addresses,
): Promise<void> {
  const token = tokenFile ? tokenOf(tokenFile) : settings.PERFORMANCE_GRAFANA_TOKEN;
  if (token === undefined) {
    const missing = '--token-file or PERFORMANCE_GRAFANA_TOKEN';
    throw coded('PS_CONFIG_INCOMPLETE', { feature: '--push', missing });
  }
  const [host = ''] = addresses.PERFSCOPE_QUESTDB_ADDRESS.split(/:\d+$/);
  if (questdb === undefined && isLoopback(host) && !isLoopback(new URL(url).hostname)) {
    note(
      `${host} means another machine there. Say with --questdb how that Grafana reaches QuestDB.`,
    );
  }
  const { GrafanaApi } = await import('../grafana/api.ts');
  const { push } = await import('../grafana/push.ts');
  const { DASHBOARDS_FOLDER, dashboards, dataSources, provider } = await import(
    '../grafana/provisioning.ts'
  );
  const pushed = await push(new GrafanaApi(url, token), {
    dataSources: dataSources(addresses),
    folder: provider(DASHBOARDS_FOLDER),
    dashboards: dashboards(checkRules(settings).rules),
  });
  if (json) return sayJson({ pushed });
  const rows = pushed.map(({ kind, name, done }) => [kind, name, done]);
  process.stdout.write(tableOf(['what', 'name', 'done'], rows));
  if (pushed.some(({ done }) => done === 'kept')) {
    note('What is kept comes from files of Grafana: change those.');
  }
}

function tokenOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw coded('PS_SECRET_FILE', { name: '--token-file', reason: reasonOf(error) }, error);
  }
}
