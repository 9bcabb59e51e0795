import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { writeOwnerFile } from '../config/owner-file.ts';
import type { Settings } from '../config/settings.ts';
import { basicAuthorization, type QuestdbTargets } from '../config/target.ts';
import { coded, reasonOf } from '../errors.ts';
import type { Addresses } from '../grafana/provisioning.ts';
import { checkRules } from './check-rules.ts';
import { examples, httpUrl } from './options.ts';
import { note, say } from './output.ts';
import { type PushOptions, pushTo } from './push-grafana.ts';
import { started, targetsOf } from './start.ts';

interface GrafanaOptions extends PushOptions {
  out?: string;
  push?: string;
  prometheus: string;
}

const PROMETHEUS = 'http://127.0.0.1:9090';

const HELP = `
Without --out or --push it prints the provisioning for a Grafana that already runs: the data sources
with QuestDB's address and the password of its read-only user, and the folder of the dashboards.
--out and --push draw the thresholds of your rules (PERFORMANCE_RULES_FILE); the folder has those built in.

The token is one of a service account with the role Admin (Administration, Service accounts), from
--token-file, PERFORMANCE_GRAFANA_TOKEN or PERFORMANCE_GRAFANA_TOKEN_FILE.

Whoever may ask questions in Grafana sees every organization: QuestDB has no tenants of its own.
${examples(
  'perfscope grafana',
  'perfscope grafana --out ./provisioning   # for its conf/provisioning',
  'perfscope grafana --push http://127.0.0.1:3000 --token-file ./token',
)}
Exit codes: 0 done, 1 it failed and stderr says why.`;

export function addGrafana(program: Command): void {
  program
    .command('grafana')
    .description('print the data sources and dashboards for a Grafana, or push them to one')
    .option('--out <folder>', 'write them to files that only you may read')
    .option('--push <url>', 'make or update them over the HTTP API of this Grafana', httpUrl)
    .option('--token-file <file>', 'file with the token for --push')
    .option('--questdb <host:port>', "QuestDB's Postgres wire, as Grafana reaches it", address)
    .option('--prometheus <url>', 'Prometheus, as Grafana reaches it', httpUrl, PROMETHEUS)
    .option('--json', 'with --push: print one JSON object')
    .addHelpText('after', HELP)
    .action(provision);
}

async function provision(options: GrafanaOptions): Promise<void> {
  const from = started();
  const targets = targetsOf(from);
  const addresses = addressesOf(targets, options);
  if (mayWrite(targets)) {
    note(
      `Grafana gets QuestDB's user ${targets.read.user}, who may also write. Name a read-only one in PERFORMANCE_QUESTDB_PG_URL.`,
    );
  }
  if (options.push !== undefined) await pushTo(options.push, from.settings, options, addresses);
  else if (options.out !== undefined) await writeTo(resolve(options.out), addresses, from.settings);
  else await print(addresses);
}

async function print(addresses: Addresses): Promise<void> {
  const { DASHBOARDS_FOLDER, dataSourcesFile, providerFile } = await import(
    '../grafana/provisioning.ts'
  );
  const files = [
    `# datasources/perfscope.yaml\n${dataSourcesFile(addresses)}`,
    `# dashboards/perfscope.yaml\n${providerFile(DASHBOARDS_FOLDER)}`,
  ];
  process.stdout.write(files.join('---\n'));
}

async function writeTo(folder: string, addresses: Addresses, settings: Settings): Promise<void> {
  const { dashboards, dataSourcesFile, providerFile } = await import('../grafana/provisioning.ts');
  const json = join(folder, 'dashboards', 'json');
  const files = [
    [join(folder, 'datasources', 'perfscope.yaml'), dataSourcesFile(addresses)],
    [join(folder, 'dashboards', 'perfscope.yaml'), providerFile(json)],
    ...dashboards(checkRules(settings).rules).map(({ file, content }) => [
      join(json, file),
      JSON.stringify(content, null, 2),
    ]),
  ] as const;
  for (const [file, text] of files) {
    try {
      writeOwnerFile(file, text);
    } catch (error) {
      throw coded('PS_EXPORT_FAILED', { file, reason: reasonOf(error) }, error);
    }
  }
  say(`${files.length} files are in ${folder}. They hold a password: only you may read them.`);
  say("Let Grafana's user read them (chown), and restart Grafana.");
}

function addressesOf({ read }: QuestdbTargets, options: GrafanaOptions): Addresses {
  return {
    PERFSCOPE_QUESTDB_ADDRESS: options.questdb ?? `${read.host}:${read.port}`,
    PERFSCOPE_QUESTDB_USER: read.user,
    PERFSCOPE_QUESTDB_PASSWORD: read.password,
    PERFSCOPE_PROMETHEUS_URL: options.prometheus,
  };
}

/** Whether the user for reading is the one that rows are written with. */
function mayWrite({ read, write: { authorization } }: QuestdbTargets): boolean {
  return [undefined, basicAuthorization(read.user, read.password)].includes(authorization);
}

function address(text: string): string {
  if (/^(\[[\da-f:]+\]|[\w.-]+):\d{1,5}$/i.test(text)) return text;
  throw new InvalidArgumentError('It must be a host and a port, as questdb:8812.');
}
