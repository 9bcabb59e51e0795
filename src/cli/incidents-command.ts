import { type Command, Option } from 'commander';
import type { ApiResponse } from '../client/api-types.ts';
import type { PerfscopeClient } from '../client/perfscope-client.ts';
import { formatNumber } from '../core/format.ts';
import { ALERT_SEVERITIES, type AlertSeverity } from '../core/schema/enums.ts';
import { INCIDENT_STATES, type IncidentState } from '../core/schema/tables/incidents-table.ts';
import { formatExamples } from './command-options.ts';
import { formatTable, print, printJson, printStatus } from './command-output.ts';
import { addServerOptions, type ServerOptions, withServerClient } from './server-client.ts';

interface IncidentOptions extends ServerOptions {
  state?: IncidentState[];
  severity?: AlertSeverity[];
  service?: string[];
  last?: string;
  json?: true;
  watch?: true;
}

type Incident = ApiResponse<'incidents'>['incidents'][number];
type OneIncident = ApiResponse<'incident'>;

/** Adds `perfscope incidents` and its subcommands. */
export function addIncidentsCommand(program: Command): void {
  const incidents = program
    .command('incidents')
    .description(
      'List, show, watch, and acknowledge the incidents of a running server. For the options of the list, see `perfscope incidents show --help`.',
    )
    .addHelpText(
      'after',
      formatExamples(
        'perfscope incidents',
        'perfscope incidents 7623734860e159c5856e4292',
        'perfscope incidents --state open --watch',
        'perfscope incidents ack 7623734860e159c5856e4292 --comment "Looking into it"',
      ),
    );
  addServerOptions(
    incidents
      .command('show [id]', { isDefault: true })
      .description('List incidents, or show one incident with its causes and timeline'),
  )
    .addOption(
      new Option(
        '--state <state...>',
        'Show only incidents in these states (default: open and resolved)',
      ).choices(INCIDENT_STATES),
    )
    .addOption(
      new Option('--severity <severity...>', 'Show only these severities').choices(
        ALERT_SEVERITIES,
      ),
    )
    .option('--service <name...>', 'Show only incidents of these services')
    .option('--last <time>', 'Show incidents that were open in this time, such as 24h', '7d')
    .option('--json', 'Print JSON; with --watch, one object per change')
    .option('--watch', 'Print changes until you press Ctrl-C')
    .action((id: string | undefined, options: IncidentOptions) =>
      withServerClient(options, async (client) => {
        if (id === undefined) await listIncidents(client, options);
        else await showIncident(client, id, options);
        if (options.watch) await watchIncidents(client, id, options);
      }),
    );
  addServerOptions(
    incidents
      .command('ack <id>')
      .alias('acknowledge')
      .description("Acknowledge an incident's firing alerts"),
  )
    .requiredOption('--comment <text>', 'Comment to show with the acknowledgment')
    .action(async (id: string, options: ServerOptions & { comment: string }) => {
      const { incident } = await withServerClient(options, (client) =>
        client.acknowledgeIncident(id, options.comment),
      );
      print(`Acknowledged ${incident.title}.`);
    });
}

async function listIncidents(
  client: PerfscopeClient,
  { state, severity, service, last, json }: IncidentOptions,
): Promise<void> {
  const { incidents } = await client.get('incidents', { state, severity, service, last });
  if (json) return printJson({ incidents });
  if (incidents.length === 0) return printStatus('No incidents.');
  const head = ['severity', 'state', 'title', 'services', 'alerts', 'started', 'resolved', 'id'];
  process.stdout.write(formatTable(head, incidents.map(toIncidentRow)));
}

/** Returns the cells of an incident in the table of `perfscope incidents`. */
function toIncidentRow(incident: Incident): unknown[] {
  const { severity, title, services, alertCount, startedAt, resolvedAt, id } = incident;
  const state = describeState(incident);
  return [severity, state, title, services.join(' '), alertCount, startedAt, resolvedAt, id];
}

function describeState({ state, acknowledged }: Incident): string {
  return state === 'open' && acknowledged ? 'acknowledged' : state;
}

async function showIncident(
  client: PerfscopeClient,
  id: string,
  { json }: IncidentOptions,
): Promise<void> {
  const found = await client.incident(id);
  if (json) printJson(found);
  else process.stdout.write(formatIncident(found));
}

/** Formats an incident as text: its causes first, then its tenants, alerts, and timeline. */
export function formatIncident({ incident, timeline }: OneIncident): string {
  const { causes, tenants, alerts, startedAt, resolvedAt, reopenedCount, mergedInto } = incident;
  const reopened = reopenedCount > 0 ? `, reopened ${reopenedCount} times` : '';
  const sections = [
    `${incident.title}\n${incident.severity}, ${describeState(incident)}, since ${startedAt}${resolvedAt ? `, resolved at ${resolvedAt}` : ''}${reopened}${mergedInto ? `, merged into ${mergedInto}` : ''}\n`,
    formatSection(
      'Likely causes',
      ['since', 'cause', 'evidence'],
      causes.map(({ onsetAt, text, evidence }) => [onsetAt, text, evidence]),
    ),
    formatSection(
      'Affected tenants',
      ['organization', 'property', 'requests', 'failed'],
      tenants.map(({ organizationId, propertyId, requests, failed }) => [
        organizationId,
        propertyId,
        formatNumber(requests),
        formatNumber(failed),
      ]),
    ),
    formatSection(
      'Alerts',
      ['severity', 'state', 'summary', 'started', 'ended', 'id'],
      alerts.map(({ severity, state, summary, startedAt, endedAt, id }) => [
        severity,
        state,
        summary,
        startedAt,
        endedAt,
        id,
      ]),
    ),
    formatSection(
      'Timeline',
      ['time', 'kind', 'event'],
      timeline.map(({ at, kind, text }) => [at, kind, text]),
    ),
  ];
  return sections.filter((section) => section !== '').join('\n');
}

function formatSection(
  title: string,
  head: readonly string[],
  rows: readonly (readonly unknown[])[],
): string {
  return rows.length === 0
    ? ''
    : `${title}\n${formatTable(
        [...head],
        rows.map((row) => [...row]),
      )}`;
}

async function watchIncidents(
  client: PerfscopeClient,
  id: string | undefined,
  { state, severity, service, json }: IncidentOptions,
): Promise<void> {
  for await (const event of client.stream({ interval: '5m', ...(service && { service }) })) {
    if (event.type !== 'incident') continue;
    const { data: incident } = event;
    if (id !== undefined && incident.id !== id) continue;
    if (state && !state.includes(incident.state)) continue;
    if (severity && !severity.includes(incident.severity)) continue;
    if (json) printJson(incident);
    else {
      const count = `${incident.alertCount} ${incident.alertCount === 1 ? 'alert' : 'alerts'}`;
      print(
        `${describeState(incident)} ${incident.severity} ${incident.id} ${count}: ${incident.title}`,
      );
    }
  }
}
