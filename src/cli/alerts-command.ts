import { type Command, InvalidArgumentError, Option } from 'commander';
import { ApiError } from '../client/api-request.ts';
import type { ApiResponse } from '../client/api-types.ts';
import type { PerfscopeClient } from '../client/perfscope-client.ts';
import { parseDuration } from '../core/duration.ts';
import { formatPercent } from '../core/format.ts';
import { createError } from '../core/perfscope-error.ts';
import type { AlertSeverity } from '../core/schema/enums.ts';
import { ALERT_SEVERITIES } from '../core/schema/enums.ts';
import { ALERT_STATES, type AlertState } from '../core/schema/tables/alerts-table.ts';
import { formatExamples } from './command-options.ts';
import { formatTable, print, printJson, printStatus } from './command-output.ts';
import { rejectUnknownSubcommand } from './reject-unknown-subcommand.ts';
import { addServerOptions, type ServerOptions, withServerClient } from './server-client.ts';

interface ListOptions extends ServerOptions {
  state?: AlertState[];
  severity?: AlertSeverity[];
  service?: string[];
  json?: true;
  watch?: true;
}

type Alert = ApiResponse<'alerts'>['alerts'][number];

/** Adds `perfscope alerts` and its subcommands. */
export function addAlertsCommand(program: Command): void {
  const alerts = program
    .command('alerts')
    .description('List, watch, acknowledge, and silence the alerts of a running server')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope alerts',
        'perfscope alerts --severity critical --watch',
        'perfscope alerts ack 7623734860e159c5856e4292 --comment "Looking into it"',
        'perfscope alerts silence service=booking --for 2h --comment "Database migration"',
      ),
    );
  addServerOptions(
    alerts
      .command('list', { isDefault: true })
      .description('List alerts, most severe first')
      .allowExcessArguments(),
  )
    .addOption(
      new Option('--state <state...>', 'Show only alerts in these states').choices(ALERT_STATES),
    )
    .addOption(
      new Option('--severity <severity...>', 'Show only these severities').choices(
        ALERT_SEVERITIES,
      ),
    )
    .option('--service <name...>', 'Show only alerts of these services')
    .option('--json', 'Print JSON; with --watch, one object per change')
    .option('--watch', 'Print changes until you press Ctrl-C')
    .action(async (options: ListOptions, command: Command) => {
      rejectUnknownSubcommand(alerts, command.args[0]);
      await withServerClient(options, (client) => listAlerts(client, options));
    });
  addServerOptions(
    alerts.command('ack <id>').alias('acknowledge').description('Acknowledge a firing alert'),
  )
    .requiredOption('--comment <text>', 'Comment to show with the acknowledgment')
    .action(async (id: string, options: ServerOptions & { comment: string }) => {
      const { alert } = await withServerClient(options, (client) =>
        client.acknowledge(id, options.comment).catch(rethrowMissing('alert', id)),
      );
      print(`Acknowledged ${alert.rule}.`);
    });
  addServerOptions(
    alerts.command('silence <matcher...>').description('Stop notifications for matching alerts'),
  )
    .requiredOption('--for <time>', 'Duration, such as 30m, 2h, or 1d', checkDuration)
    .requiredOption('--comment <text>', 'Reason for the silence')
    .option(
      '--organization <id>',
      'Organization that the silence applies to; only administrators can specify another organization',
    )
    .action(
      async (
        matchers: string[],
        options: ServerOptions & { for: string; comment: string; organization?: string },
      ) => {
        const { for: duration, comment, organization: organizationId } = options;
        const request = { matchers, duration, comment, ...(organizationId && { organizationId }) };
        const { silences } = await withServerClient(options, (client) => client.silence(request));
        const [silence] = silences;
        print(`Created silence ${silence?.id}. It ends at ${silence?.endsAt}.`);
      },
    );
  addServerOptions(
    alerts.command('silences').description('List active and scheduled silences'),
  ).action(async (options: ServerOptions) => {
    const { silences } = await withServerClient(options, (client) => client.get('silences'));
    if (silences.length === 0) return printStatus('No active or scheduled silences.');
    process.stdout.write(
      formatTable(
        ['id', 'matchers', 'until', 'author', 'comment'],
        silences.map((s) => [s.id, s.matchers.join(' '), s.endsAt, s.author, s.comment]),
      ),
    );
  });
  addServerOptions(alerts.command('unsilence <id>').description('End a silence')).action(
    async (id: string, options: ServerOptions) => {
      await withServerClient(options, (client) =>
        client.endSilence(id).catch(rethrowMissing('silence', id)),
      );
      print(`Ended silence ${id}.`);
    },
  );
}

/** Checks a duration, which the server parses. @throws InvalidArgumentError */
function checkDuration(text: string): string {
  if (parseDuration(text) !== undefined) return text;
  throw new InvalidArgumentError('It must be a duration, such as 30m, 2h, or 1d.');
}

/** An older server reports the path of a request instead of the missing object. */
function rethrowMissing(item: 'alert' | 'silence', id: string) {
  return (error: unknown): never => {
    const isPath = error instanceof ApiError && /openapi\.json/.test(error.message);
    throw isPath ? createError('PS_NOT_FOUND', { item, id }, error) : error;
  };
}

async function listAlerts(client: PerfscopeClient, options: ListOptions): Promise<void> {
  const { state, severity, service } = options;
  const { alerts } = await client.get('alerts', { state, severity, service });
  if (options.json) printJson({ alerts });
  else if (alerts.length === 0) printStatus('No alerts.');
  else {
    const head = [
      'severity',
      'state',
      'rule',
      'labels',
      'value',
      'threshold',
      'since',
      'held',
      'id',
    ];
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

/** Returns the cells of an alert in the table of `perfscope alerts`. */
export function toTableRow(alert: Alert): unknown[] {
  const { severity, state, rule, value, threshold, startedAt, held, id } = alert;
  return [
    severity,
    state,
    rule,
    formatLabels(alert),
    formatAlertNumber(value),
    formatAlertNumber(threshold, THRESHOLD_DECIMALS),
    startedAt,
    held.map(formatHeld).join(', '),
    id,
  ];
}

/** Thresholds of an uptime can have more decimals than values. */
const THRESHOLD_DECIMALS = 4;

/** Rounds a number, but a value below 100 never to 100, because it can be a percentage. */
function formatAlertNumber(value: number | undefined, maxDecimals?: number): string | undefined {
  return value === undefined ? undefined : formatPercent(value, maxDecimals).replace(/ %$/, '');
}

/** Formats a reason why no message is sent now. An alert that was sent is a `duplicate`. */
function formatHeld({ reason }: Alert['held'][number]): string {
  return reason === 'duplicate' ? 'already sent' : reason;
}

function formatLabels({ labels }: Alert): string {
  return Object.entries(labels)
    .filter(([name]) => name !== 'scope')
    .map(([name, text]) => `${name}=${text}`)
    .join(' ');
}
