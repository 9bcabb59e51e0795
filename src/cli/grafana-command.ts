import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { formatBasicAuthorization, type QuestdbTargets } from '../core/config/questdb-targets.ts';
import type { Settings } from '../core/config/settings.ts';
import { createError, errorMessage } from '../core/errors.ts';
import { isLoopbackHost } from '../core/loopback.ts';
import { writePrivateFile } from '../core/private-file.ts';
import type { DataSourceAddresses } from '../server/grafana/grafana-provisioning.ts';
import { requireQuestdbTargets, requireStartupConfig } from './command-context.ts';
import { formatExamples, parseHttpUrl } from './command-options.ts';
import { formatTable, print, printJson, printStatus } from './command-output.ts';
import { loadConfiguredAlertRules } from './load-config-files.ts';

interface GrafanaOptions extends PushOptions {
  out?: string;
  push?: string;
  prometheus: string;
}

const DEFAULT_PROMETHEUS_URL = 'http://127.0.0.1:9090';

const HELP = `
Without --out or --push it prints the provisioning for a Grafana that already runs: the data sources
with QuestDB's address and the password of its read-only user, and the folder of the dashboards.
--out and --push draw the thresholds of your rules (PERFORMANCE_RULES_FILE); the folder has those built in.

The token is one of a service account with the role Admin (Administration, Service accounts), from
--token-file, PERFORMANCE_GRAFANA_TOKEN or PERFORMANCE_GRAFANA_TOKEN_FILE.

Whoever may ask questions in Grafana sees every organization: QuestDB has no tenants of its own.
${formatExamples(
  'perfscope grafana',
  'perfscope grafana --out ./provisioning   # for its conf/provisioning',
  'perfscope grafana --push http://127.0.0.1:3000 --token-file ./token',
)}
Exit codes: 0 done, 1 it failed and stderr says why.`;

export function addGrafanaCommand(program: Command): void {
  program
    .command('grafana')
    .description('print the data sources and dashboards for a Grafana, or push them to one')
    .option('--out <folder>', 'write them to files that only you may read')
    .option('--push <url>', 'make or update them over the HTTP API of this Grafana', parseHttpUrl)
    .option('--token-file <file>', 'file with the token for --push')
    .option(
      '--questdb <host:port>',
      "QuestDB's Postgres wire, as Grafana reaches it",
      parseHostAndPort,
    )
    .option(
      '--prometheus <url>',
      'Prometheus, as Grafana reaches it',
      parseHttpUrl,
      DEFAULT_PROMETHEUS_URL,
    )
    .option('--json', 'with --push: print one JSON object')
    .addHelpText('after', HELP)
    .action(provisionGrafana);
}

async function provisionGrafana(options: GrafanaOptions): Promise<void> {
  const from = requireStartupConfig();
  const targets = requireQuestdbTargets(from);
  const addresses = toAddresses(targets, options);
  if (canWrite(targets)) {
    printStatus(
      `Grafana gets QuestDB's user ${targets.read.user}, who may also write. Name a read-only one in PERFORMANCE_QUESTDB_PG_URL.`,
    );
  }
  if (options.push !== undefined)
    await pushToGrafana(options.push, from.settings, options, addresses);
  else if (options.out !== undefined)
    await writeProvisioning(resolve(options.out), addresses, from.settings);
  else await printProvisioning(addresses);
}

async function printProvisioning(addresses: DataSourceAddresses): Promise<void> {
  const {
    DASHBOARDS_FOLDER,
    formatDataSourcesFile: dataSourcesFile,
    formatProviderFile: providerFile,
  } = await import('../server/grafana/grafana-provisioning.ts');
  const files = [
    `# datasources/perfscope.yaml\n${dataSourcesFile(addresses)}`,
    `# dashboards/perfscope.yaml\n${providerFile(DASHBOARDS_FOLDER)}`,
  ];
  process.stdout.write(files.join('---\n'));
}

async function writeProvisioning(
  folder: string,
  addresses: DataSourceAddresses,
  settings: Settings,
): Promise<void> {
  const {
    loadDashboards: dashboards,
    formatDataSourcesFile: dataSourcesFile,
    formatProviderFile: providerFile,
  } = await import('../server/grafana/grafana-provisioning.ts');
  const json = join(folder, 'dashboards', 'json');
  const files = [
    [join(folder, 'datasources', 'perfscope.yaml'), dataSourcesFile(addresses)],
    [join(folder, 'dashboards', 'perfscope.yaml'), providerFile(json)],
    ...dashboards(loadConfiguredAlertRules(settings).rules).map(({ file, content }) => [
      join(json, file),
      JSON.stringify(content, null, 2),
    ]),
  ] as const;
  for (const [file, text] of files) {
    try {
      writePrivateFile(file, text);
    } catch (error) {
      throw createError('PS_EXPORT_FAILED', { file, reason: errorMessage(error) }, error);
    }
  }
  print(`${files.length} files are in ${folder}. They hold a password: only you may read them.`);
  print("Let Grafana's user read them (chown), and restart Grafana.");
}

function toAddresses({ read }: QuestdbTargets, options: GrafanaOptions): DataSourceAddresses {
  return {
    PERFSCOPE_QUESTDB_ADDRESS: options.questdb ?? `${read.host}:${read.port}`,
    PERFSCOPE_QUESTDB_USER: read.user,
    PERFSCOPE_QUESTDB_PASSWORD: read.password,
    PERFSCOPE_PROMETHEUS_URL: options.prometheus,
  };
}

/** Whether the user for reading is the one that rows are written with. */
function canWrite({ read, write: { authorization } }: QuestdbTargets): boolean {
  return [undefined, formatBasicAuthorization(read.user, read.password)].includes(authorization);
}

function parseHostAndPort(text: string): string {
  if (/^(\[[\da-f:]+\]|[\w.-]+):\d{1,5}$/i.test(text)) return text;
  throw new InvalidArgumentError('It must be a host and a port, as questdb:8812.');
}

interface PushOptions {
  /** File with the token; without it the environment's. */
  readonly tokenFile?: string;
  /** QuestDB's address, where the user has said it. */
  readonly questdb?: string;
  readonly json?: boolean;
}

/** Pushes everything to the Grafana at `url`, and says what was done. */
async function pushToGrafana(
  url: string,
  settings: Settings,
  { tokenFile, json, questdb }: PushOptions,
  addresses: DataSourceAddresses,
): Promise<void> {
  const token = tokenFile ? readToken(tokenFile) : settings.PERFORMANCE_GRAFANA_TOKEN;
  if (token === undefined) {
    const missing = '--token-file or PERFORMANCE_GRAFANA_TOKEN';
    throw createError('PS_CONFIG_INCOMPLETE', { feature: '--push', missing });
  }
  const [host = ''] = addresses.PERFSCOPE_QUESTDB_ADDRESS.split(/:\d+$/);
  if (questdb === undefined && isLoopbackHost(host) && !isLoopbackHost(new URL(url).hostname)) {
    printStatus(
      `${host} means another machine there. Say with --questdb how that Grafana reaches QuestDB.`,
    );
  }
  const { GrafanaClient } = await import('../server/grafana/grafana-client.ts');
  const { pushToGrafana: push } = await import('../server/grafana/grafana-push.ts');
  const {
    DASHBOARDS_FOLDER,
    loadDashboards: dashboards,
    loadDataSources: dataSources,
    loadProvider: provider,
  } = await import('../server/grafana/grafana-provisioning.ts');
  const pushed = await push(new GrafanaClient(url, token), {
    dataSources: dataSources(addresses),
    folder: provider(DASHBOARDS_FOLDER),
    dashboards: dashboards(loadConfiguredAlertRules(settings).rules),
  });
  if (json) return printJson({ pushed });
  const rows = pushed.map(({ kind, name, done }) => [kind, name, done]);
  process.stdout.write(formatTable(['what', 'name', 'done'], rows));
  if (pushed.some(({ done }) => done === 'kept')) {
    printStatus('What is kept comes from files of Grafana: change those.');
  }
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw createError(
      'PS_SECRET_FILE',
      { name: '--token-file', reason: errorMessage(error) },
      error,
    );
  }
}
