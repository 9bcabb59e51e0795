import { type Command, Option } from 'commander';
import type { Answer } from '../client/api-types.ts';
import { PerfscopeClient } from '../client/perfscope-client.ts';
import { readDiscoveryFile } from '../core/config/server-discovery.ts';
import { createError } from '../core/errors.ts';
import type { AlertSeverity } from '../core/schema/enums.ts';
import { ALERT_SEVERITIES } from '../core/schema/enums.ts';
import { ALERT_STATES, type AlertState } from '../core/schema/tables/alerts-table.ts';
import { requireStartupConfig } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { formatTable, print, printJson, printStatus } from './command-output.ts';

interface ServerOptions {
  url?: string;
  key?: string;
}

interface ListOptions extends ServerOptions {
  state?: AlertState[];
  severity?: AlertSeverity[];
  service?: string[];
  json?: true;
  watch?: true;
}

type Alert = Answer<'alerts'>['alerts'][number];

/** `perfscope alerts`, and what is done to them. */
export function addAlertsCommand(program: Command): void {
  const alerts = program
    .command('alerts')
    .description('list, watch, acknowledge and silence alerts of a running server')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope alerts',
        'perfscope alerts --severity critical --watch',
        'perfscope alerts ack 7623734860e159c5856e4292 --comment "on it"',
        'perfscope alerts silence service=booking --for 2h --comment "moving the database"',
      ),
    );
  addServerOptions(alerts.command('list', { isDefault: true }).description('the worst first'))
    .addOption(new Option('--state <state...>', 'only in these states').choices(ALERT_STATES))
    .addOption(new Option('--severity <severity...>', 'only so severe').choices(ALERT_SEVERITIES))
    .option('--service <name...>', 'only of these services')
    .option('--json', 'one JSON object; with --watch one for each change')
    .option('--watch', 'tell of each change, until Ctrl-C')
    .action(listAlerts);
  addServerOptions(alerts.command('ack <id>').description('take a firing alert on'))
    .requiredOption('--comment <text>', 'what others should know')
    .action(async (id: string, options: ServerOptions & { comment: string }) => {
      const { alert } = await createClient(options).acknowledge(id, options.comment);
      print(`${alert.rule} is acknowledged.`);
    });
  addServerOptions(
    alerts.command('silence <matcher...>').description('keep alerts that match from being told'),
  )
    .requiredOption('--for <time>', 'as 30m, 2h or 1d')
    .requiredOption('--comment <text>', 'why')
    .option('--organization <id>', 'whose alerts; of others than your own for administrators only')
    .action(
      async (
        matchers: string[],
        options: ServerOptions & { for: string; comment: string; organization?: string },
      ) => {
        const { for: duration, comment, organization: organizationId } = options;
        const entry = { matchers, duration, comment, ...(organizationId && { organizationId }) };
        const [made] = (await createClient(options).silence(entry)).silences;
        print(`Silence ${made?.id} until ${made?.endsAt}.`);
      },
    );
  addServerOptions(alerts.command('silences').description('silences that have not ended')).action(
    async (options: ServerOptions) => {
      const { silences } = await createClient(options).get('silences');
      process.stdout.write(
        formatTable(
          ['id', 'matchers', 'until', 'author', 'comment'],
          silences.map((s) => [s.id, s.matchers.join(' '), s.endsAt, s.author, s.comment]),
        ),
      );
    },
  );
  addServerOptions(alerts.command('unsilence <id>').description('end a silence now')).action(
    async (id: string, options: ServerOptions) => {
      await createClient(options).endSilence(id);
      print(`Silence ${id} has ended.`);
    },
  );
}

function addServerOptions(command: Command): Command {
  return command
    .option('--url <address>', 'the server; default: that of this machine')
    .option('--key <key>', 'API key, where the server wants one');
}

function createClient({ url, key }: ServerOptions): PerfscopeClient {
  const known = url ?? readDiscoveryFile(requireStartupConfig().discoveryFile)?.serverUrl;
  if (known === undefined) throw createError('PS_NO_TARGET', {});
  return new PerfscopeClient({ url: known, ...(key && { key }) });
}

async function listAlerts(options: ListOptions): Promise<void> {
  const client = createClient(options);
  const { state, severity, service } = options;
  const { alerts } = await client.get('alerts', { state, severity, service });
  if (options.json) printJson({ alerts });
  else if (alerts.length === 0) printStatus('No alerts.');
  else {
    const head = ['severity', 'state', 'rule', 'labels', 'value', 'limit', 'since', 'held', 'id'];
    process.stdout.write(formatTable(head, alerts.map(toTableRow)));
  }
  if (!options.watch) return;
  for await (const event of client.stream({ interval: '5m', ...(service && { service }) })) {
    if (event.type !== 'alert') continue;
    const { data: alert } = event;
    if (state && !state.includes(alert.state)) continue;
    if (severity && !severity.includes(alert.severity)) continue;
    if (options.json) printJson(alert);
    else {
      const cause = alert.cause ? `: ${alert.cause}` : '';
      const summary = alert.annotations.summary ?? formatLabels(alert);
      print(`${alert.state} ${alert.severity} ${alert.rule} ${summary}${cause}`);
    }
  }
}

function toTableRow(alert: Alert): unknown[] {
  const { severity, state, rule, value, threshold, startedAt, held, id } = alert;
  const why = held.map(({ reason }) => reason).join(' ');
  return [severity, state, rule, formatLabels(alert), value, threshold, startedAt, why, id];
}

function formatLabels({ labels }: Alert): string {
  return Object.entries(labels)
    .filter(([name]) => name !== 'scope')
    .map(([name, text]) => `${name}=${text}`)
    .join(' ');
}
