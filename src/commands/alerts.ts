import { type Command, Option } from 'commander';
import { PerfscopeClient } from '../client/client.ts';
import type { Answer } from '../client/types.ts';
import { discover } from '../config/discovery.ts';
import { coded } from '../errors.ts';
import { ALERT_STATES, type AlertState } from '../schema/alerts.ts';
import type { AlertSeverity } from '../schema/metric-type.ts';
import { SEVERITIES } from '../schema/severity.ts';
import { examples } from './options.ts';
import { note, say, sayJson, tableOf } from './output.ts';
import { started } from './start.ts';

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
export function addAlerts(program: Command): void {
  const alerts = program
    .command('alerts')
    .description('list, watch, acknowledge and silence alerts of a running server')
    .addHelpText(
      'after',
      examples(
        'perfscope alerts',
        'perfscope alerts --severity critical --watch',
        'perfscope alerts ack 7623734860e159c5856e4292 --comment "on it"',
        'perfscope alerts silence service=booking --for 2h --comment "moving the database"',
      ),
    );
  onServer(alerts.command('list', { isDefault: true }).description('the worst first'))
    .addOption(new Option('--state <state...>', 'only in these states').choices(ALERT_STATES))
    .addOption(new Option('--severity <severity...>', 'only so severe').choices(SEVERITIES))
    .option('--service <name...>', 'only of these services')
    .option('--json', 'one JSON object; with --watch one for each change')
    .option('--watch', 'tell of each change, until Ctrl-C')
    .action(list);
  onServer(alerts.command('ack <id>').description('take a firing alert on'))
    .requiredOption('--comment <text>', 'what others should know')
    .action(async (id: string, options: ServerOptions & { comment: string }) => {
      const { alert } = await clientOf(options).acknowledge(id, options.comment);
      say(`${alert.rule} is acknowledged.`);
    });
  onServer(
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
        const [made] = (await clientOf(options).silence(entry)).silences;
        say(`Silence ${made?.id} until ${made?.endsAt}.`);
      },
    );
  onServer(alerts.command('silences').description('silences that have not ended')).action(
    async (options: ServerOptions) => {
      const { silences } = await clientOf(options).get('silences');
      process.stdout.write(
        tableOf(
          ['id', 'matchers', 'until', 'author', 'comment'],
          silences.map((s) => [s.id, s.matchers.join(' '), s.endsAt, s.author, s.comment]),
        ),
      );
    },
  );
  onServer(alerts.command('unsilence <id>').description('end a silence now')).action(
    async (id: string, options: ServerOptions) => {
      await clientOf(options).endSilence(id);
      say(`Silence ${id} has ended.`);
    },
  );
}

function onServer(command: Command): Command {
  return command
    .option('--url <address>', 'the server; default: that of this machine')
    .option('--key <key>', 'API key, where the server wants one');
}

function clientOf({ url, key }: ServerOptions): PerfscopeClient {
  const known = url ?? discover(started().discoveryFile)?.serverUrl;
  if (known === undefined) throw coded('PS_NO_TARGET', {});
  return new PerfscopeClient({ url: known, ...(key && { key }) });
}

async function list(options: ListOptions): Promise<void> {
  const client = clientOf(options);
  const { state, severity, service } = options;
  const { alerts } = await client.get('alerts', { state, severity, service });
  if (options.json) sayJson({ alerts });
  else if (alerts.length === 0) note('No alerts.');
  else {
    const head = ['severity', 'state', 'rule', 'labels', 'value', 'limit', 'since', 'held', 'id'];
    process.stdout.write(tableOf(head, alerts.map(lineOf)));
  }
  if (!options.watch) return;
  for await (const event of client.stream({ interval: '5m', ...(service && { service }) })) {
    if (event.type !== 'alert') continue;
    const { data: alert } = event;
    if (state && !state.includes(alert.state)) continue;
    if (severity && !severity.includes(alert.severity)) continue;
    if (options.json) sayJson(alert);
    else {
      const cause = alert.cause ? `: ${alert.cause}` : '';
      const summary = alert.annotations.summary ?? labelsOf(alert);
      say(`${alert.state} ${alert.severity} ${alert.rule} ${summary}${cause}`);
    }
  }
}

function lineOf(alert: Alert): unknown[] {
  const { severity, state, rule, value, threshold, startedAt, held, id } = alert;
  const why = held.map(({ reason }) => reason).join(' ');
  return [severity, state, rule, labelsOf(alert), value, threshold, startedAt, why, id];
}

function labelsOf({ labels }: Alert): string {
  return Object.entries(labels)
    .filter(([name]) => name !== 'scope')
    .map(([name, text]) => `${name}=${text}`)
    .join(' ');
}
