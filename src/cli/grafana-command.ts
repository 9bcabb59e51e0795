import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import type { Settings } from '../core/config/parse-settings.ts';
import { formatBasicAuthorization, type QuestdbTargets } from '../core/config/questdb-targets.ts';
import { isHeaderToken, readSecretFile } from '../core/config/secret-file.ts';
import { isLoopbackHost } from '../core/loopback.ts';
import { createError, errorMessage } from '../core/perfscope-error.ts';
import { writePrivateFile } from '../core/private-file.ts';
import type { DataSourceAddresses } from '../server/grafana/grafana-provisioning.ts';
import { requireQuestdbTargets, requireStartupConfig } from './command-context.ts';
import { formatExamples, parseHttpUrl } from './command-options.ts';
import { formatTable, print, printJson, printStatus } from './command-output.ts';

interface GrafanaOptions extends PushOptions {
  output?: string;
  push?: string;
  prometheus: string;
}

const DEFAULT_PROMETHEUS_URL = 'http://127.0.0.1:9090';

const HELP = `
Without --output or --push, the command prints provisioning files for an existing Grafana. They define the
dashboards folder and the data sources, including the QuestDB address and read-only password.
Dashboards in these files show the built-in thresholds.

With --output or --push, the dashboards show the thresholds of your rules in PERFORMANCE_RULES_FILE, and
--trace-url sets the address of your tracing UI.

--push requires a service account token with the Admin role. In Grafana, you can create one under
Administration > Service accounts. Specify the token with --token-file, PERFORMANCE_GRAFANA_TOKEN,
or PERFORMANCE_GRAFANA_TOKEN_FILE.

Users who can run queries in Grafana can see all organizations, because QuestDB does not separate tenants.
${formatExamples(
  'perfscope grafana',
  'perfscope grafana --output ./provisioning   # then copy to conf/provisioning in Grafana',
  'perfscope grafana --push http://127.0.0.1:3000 --token-file ./token',
)}
Exit codes: 0 success, 1 failure (see stderr).`;

export function addGrafanaCommand(program: Command): void {
  program
    .command('grafana')
    .description('Print the data sources and dashboards for Grafana, or push them to Grafana')
    .option(
      '-o, --output <folder>',
      'Write provisioning files to this folder; only you can read the files',
    )
    .option(
      '--push <url>',
      'Create or update the data sources and dashboards in the Grafana instance at this URL',
      parseHttpUrl,
    )
    .option('--token-file <file>', 'File with the token for --push')
    .option(
      '--questdb <host:port>',
      "Address of QuestDB's PostgreSQL wire port, as seen from Grafana",
      parseHostAndPort,
    )
    .option(
      '--prometheus <url>',
      'Prometheus URL, as seen from Grafana',
      parseHttpUrl,
      DEFAULT_PROMETHEUS_URL,
    )
    .option(
      '--trace-url <url>',
      'With --output or --push, address of your tracing UI, to which dashboards append a trace ID',
      parseHttpUrl,
    )
    .option('--json', 'With --push, print one JSON object')
    .addHelpText('after', HELP)
    .action(provisionGrafana);
}

async function provisionGrafana(options: GrafanaOptions): Promise<void> {
  const config = requireStartupConfig();
  const targets = requireQuestdbTargets(config);
  const addresses = toAddresses(targets, options);
  if (canWrite(targets)) {
    printStatus(
      `The QuestDB user ${targets.read.user} for Grafana has write access. Set a read-only user in PERFORMANCE_QUESTDB_PG_URL.`,
    );
  }
  if (options.push !== undefined) await runPush(options.push, config.settings, options, addresses);
  else if (options.output !== undefined)
    await writeProvisioning(resolve(options.output), addresses, config.settings, options.traceUrl);
  else await printProvisioning(addresses);
}

async function printProvisioning(addresses: DataSourceAddresses): Promise<void> {
  const { DASHBOARDS_FOLDER, formatDataSourcesFile, formatProviderFile } = await import(
    '../server/grafana/grafana-provisioning.ts'
  );
  const files = [
    `# datasources/perfscope.yaml\n${formatDataSourcesFile(addresses)}`,
    `# dashboards/perfscope.yaml\n${formatProviderFile(DASHBOARDS_FOLDER)}`,
  ];
  process.stdout.write(files.join('---\n'));
}

async function writeProvisioning(
  folder: string,
  addresses: DataSourceAddresses,
  settings: Settings,
  traceUrl: string | undefined,
): Promise<void> {
  const { formatDataSourcesFile, formatProviderFile, loadDashboards } = await import(
    '../server/grafana/grafana-provisioning.ts'
  );
  const { loadPanelRules } = await import('./load-config-files.ts');
  const dashboardsFolder = join(folder, 'dashboards', 'json');
  const files = [
    [join(folder, 'datasources', 'perfscope.yaml'), formatDataSourcesFile(addresses)],
    [join(folder, 'dashboards', 'perfscope.yaml'), formatProviderFile(dashboardsFolder)],
    ...loadDashboards(loadPanelRules(settings), traceUrl).map(({ file, content }) => [
      join(dashboardsFolder, file),
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
  print(
    `Wrote ${files.length} files to ${folder}. They contain a password, so only you can read them.`,
  );
  print('Give the Grafana user read access (chown), then restart Grafana.');
}

function toAddresses({ read }: QuestdbTargets, options: GrafanaOptions): DataSourceAddresses {
  return {
    PERFSCOPE_QUESTDB_ADDRESS: options.questdb ?? `${read.host}:${read.port}`,
    PERFSCOPE_QUESTDB_USER: read.user,
    PERFSCOPE_QUESTDB_PASSWORD: read.password,
    PERFSCOPE_PROMETHEUS_URL: options.prometheus,
  };
}

/** Returns whether reads and writes use the same QuestDB user. */
function canWrite({ read, write: { authorization } }: QuestdbTargets): boolean {
  return [undefined, formatBasicAuthorization(read.user, read.password)].includes(authorization);
}

function parseHostAndPort(text: string): string {
  if (/^(\[[\da-f:]+\]|[\w.-]+):\d{1,5}$/i.test(text)) return text;
  throw new InvalidArgumentError('It must be a host and a port, such as questdb:8812.');
}

interface PushOptions {
  /** File with the token. If undefined, the environment variables are used. */
  readonly tokenFile?: string;
  /** Address of QuestDB, if the user specified it. */
  readonly questdb?: string;
  /** Address of the tracing UI. */
  readonly traceUrl?: string;
  readonly json?: boolean;
}

/**
 * Pushes all data sources and dashboards to the Grafana instance at `url` and prints the results.
 */
async function runPush(
  url: string,
  settings: Settings,
  { tokenFile, json, questdb, traceUrl }: PushOptions,
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
      `Grafana is on another machine, so it can't reach QuestDB at ${host}. Specify the address with --questdb.`,
    );
  }
  const { GrafanaClient } = await import('../server/grafana/grafana-client.ts');
  const { pushToGrafana } = await import('../server/grafana/grafana-push.ts');
  const { DASHBOARDS_FOLDER, loadDashboards, loadDataSources, loadProvider } = await import(
    '../server/grafana/grafana-provisioning.ts'
  );
  const { loadPanelRules } = await import('./load-config-files.ts');
  const pushed = await pushToGrafana(new GrafanaClient(url, token), {
    dataSources: loadDataSources(addresses),
    folder: loadProvider(DASHBOARDS_FOLDER),
    dashboards: loadDashboards(loadPanelRules(settings), traceUrl),
  });
  if (json) return printJson({ pushed });
  const rows = pushed.map(({ kind, name, done }) => [
    kind,
    name,
    done === 'made' ? 'created' : done,
  ]);
  process.stdout.write(formatTable(['kind', 'name', 'result'], rows));
  if (pushed.some(({ done }) => done === 'kept')) {
    printStatus('Kept items are controlled by Grafana provisioning files. Change them there.');
  }
}

function readToken(file: string): string {
  try {
    const token = readSecretFile(file);
    if (!isHeaderToken(token)) throw new Error('it must contain one token, in one line');
    return token;
  } catch (error) {
    throw createError(
      'PS_SECRET_FILE',
      { name: '--token-file', reason: errorMessage(error) },
      error,
    );
  }
}
