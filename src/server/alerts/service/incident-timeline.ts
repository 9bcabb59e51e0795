import { HOUR_MS, MINUTE_MS } from '../../../core/duration.ts';
import type { TenantScope } from '../../../core/tenant-scope.ts';
import { queryProcessRuns } from '../../../storage/queries/process-runs.ts';
import { toText } from '../../../storage/queries/row-values.ts';
import { findServiceEvents } from '../../../storage/queries/service-events.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { fromTable, inValues, sql } from '../../../storage/sql/sql-builder.ts';
import type { DeployStore } from '../deploys/deploy-store.ts';
import { type DeployView, listDeployViews, omitDeployedVersions } from '../deploys/deploy-views.ts';
import type { Transition } from '../evaluation/alert-transition.ts';
import type { Cause } from '../incidents/causes/cause.ts';
import { loadIncidentHistory } from '../incidents/incident-queries.ts';
import { loadTransitions } from '../state/alert-queries.ts';
import { type IncidentView, isUnlimited, type TimelineEntry } from './incident-views.ts';

interface TimelineContext {
  readonly scope: TenantScope;
  readonly deploys: Pick<DeployStore, 'list'>;
  readonly now: number;
  readonly healthIntervalMs: number;
}

/** Limit on alerts whose changes are listed. */
const MAX_ALERTS = 100;
const MAX_NOTIFICATIONS = 200;
/** Versions and restarts before this time before the incident aren't listed. */
const BEFORE_MS = 15 * MINUTE_MS;
/** Processes that reported in this time before the range aren't new. */
const LOOKBACK_MS = HOUR_MS;

/**
 * Returns the events of an incident, oldest first. The events are changes of alerts and of the incident, onsets of
 * causes, versions, restarts, messages, and acknowledgments.
 *
 * @throws PS_UNAVAILABLE if QuestDB is unreachable
 */
export async function loadTimeline(
  queryClient: QueryClient,
  incident: IncidentView,
  causes: readonly Cause[],
  context: TimelineContext,
): Promise<TimelineEntry[]> {
  const { scope } = context;
  const ids = incident.alerts.slice(0, MAX_ALERTS).map(({ id }) => id);
  const [transitions, messages, events, changes] = await Promise.all([
    loadTransitions(queryClient, scope, inValues('id', ids)),
    loadMessages(queryClient, ids, scope),
    loadServiceEvents(queryClient, incident, causes, context),
    isUnlimited(scope) ? loadChanges(queryClient, incident.id) : [],
  ]);
  const alerts = new Map(incident.alerts.map((alert) => [alert.id, alert]));
  // The summary of an alert is from its last change.
  const lastFirings = new Set(
    new Map(
      transitions.filter(({ state }) => state === 'firing').map((each) => [each.id, each]),
    ).values(),
  );
  const causeEntries = causes
    .filter(({ kind }) => kind !== 'version' && kind !== 'restart')
    .map(({ onsetMs, text }) => createEntry(onsetMs, 'cause', text));
  return [
    ...transitions.flatMap((transition) =>
      toAlertEntry(transition, alerts.get(transition.id), lastFirings.has(transition)),
    ),
    ...causeEntries,
    ...events,
    ...messages,
    ...changes,
  ].sort((a, b) => a.at.getTime() - b.at.getTime() || (a.text < b.text ? -1 : 1));
}

function createEntry(
  atMs: number,
  kind: TimelineEntry['kind'],
  text: string,
  alertId?: string,
): TimelineEntry {
  return { at: new Date(atMs), kind, text, alertId };
}

function toAlertEntry(
  { id, timestamp, state, severity, rule, author, comment }: Transition,
  alert: IncidentView['alerts'][number] | undefined,
  isLastFiring: boolean,
): TimelineEntry[] {
  if (state === 'pending') return [];
  if (state === 'acknowledged') {
    const note = comment === undefined ? '' : `: ${comment}`;
    return [
      createEntry(
        timestamp,
        'acknowledgment',
        `${author ?? 'someone'} acknowledged ${rule}${note}`,
        id,
      ),
    ];
  }
  const { organization, property } = alert?.labels ?? {};
  const tenant = [organization, property].filter((name) => name !== undefined).join('/');
  const suffix = tenant === '' ? '' : ` · ${tenant}`;
  const firing =
    isLastFiring && alert?.summary
      ? `${alert.summary} (${rule}, ${severity})`
      : `${rule} is ${severity}`;
  return [
    createEntry(
      timestamp,
      'alert',
      (state === 'resolved' ? `${rule} resolved` : firing) + suffix,
      id,
    ),
  ];
}

/** Loads the messages about the alerts. Limited callers don't see the receivers. */
async function loadMessages(
  queryClient: QueryClient,
  ids: readonly string[],
  scope: TenantScope,
): Promise<TimelineEntry[]> {
  if (ids.length === 0) return [];
  const rows = await queryClient.read(
    scope,
    sql`SELECT timestamp, channel, receiver, status, alert_id ${fromTable('notifications')}
      AND ${inValues('alert_id', ids)} AND status IN ('delivered', 'failed') AND read_at IS NULL
      ORDER BY timestamp LIMIT ${MAX_NOTIFICATIONS}`,
  );
  const entries = rows.map((row) => {
    const receiver = isUnlimited(scope) ? ` to ${toText(row.receiver) ?? '(none)'}` : '';
    const result = toText(row.status) === 'delivered' ? 'Message sent' : 'Message not sent';
    const text = `${result}${receiver} by ${toText(row.channel) ?? '(none)'}`;
    return createEntry(
      (row.timestamp as Date).getTime(),
      'notification',
      text,
      toText(row.alert_id),
    );
  });
  // A message to several recipients is one entry.
  const groups = Map.groupBy(
    entries,
    ({ at, text }) => `${Math.floor(at.getTime() / 1000)} ${text}`,
  );
  return [...groups.values()].map(([first, ...others]) =>
    others.length === 0
      ? first!
      : { ...first!, text: `${first!.text} (${others.length + 1} recipients)` },
  );
}

async function loadServiceEvents(
  queryClient: QueryClient,
  { services, startedAt, resolvedAt }: IncidentView,
  causes: readonly Cause[],
  { scope, deploys, now, healthIntervalMs }: TimelineContext,
): Promise<TimelineEntry[]> {
  if (services.length === 0) return [];
  const range = { fromMs: startedAt.getTime() - BEFORE_MS, toMs: resolvedAt?.getTime() ?? now };
  const extended = { ...range, fromMs: range.fromMs - LOOKBACK_MS };
  const filter = { service: services };
  const causeTimes = causes.flatMap(({ deployId, onsetMs }) => (deployId ? [onsetMs] : []));
  const deployRange = { ...range, fromMs: Math.min(extended.fromMs, ...causeTimes) };
  const [runs, deployed] = await Promise.all([
    queryProcessRuns(queryClient, { scope, range: extended, filter }),
    listDeployViews(queryClient, deploys, { range: deployRange, services, scope, now }),
  ]);
  const toleranceMs = Math.max(3 * healthIntervalMs, MINUTE_MS);
  const events = omitDeployedVersions(findServiceEvents(runs, range, toleranceMs), deployed);
  const causeIds = new Set(causes.flatMap(({ deployId }) => deployId ?? []));
  return [
    ...events.map((event) => {
      const text =
        event.kind === 'version'
          ? formatVersion(event)
          : `${event.service}: ${event.count} processes restarted`;
      return createEntry(event.atMs, event.kind, text);
    }),
    ...deployed
      .filter(({ id, startsAt }) => causeIds.has(id) || startsAt.getTime() >= range.fromMs)
      .map((deploy) => createEntry(deploy.startsAt.getTime(), 'version', formatVersion(deploy))),
  ];
}

function formatVersion({
  service,
  version,
  previousVersion,
}: Pick<DeployView, 'service' | 'version' | 'previousVersion'>): string {
  const after = previousVersion === undefined ? '' : ` after ${previousVersion}`;
  return `${service}: version ${version}${after}`;
}

/** Loads the changes of the incident's state. */
async function loadChanges(queryClient: QueryClient, id: string): Promise<TimelineEntry[]> {
  const rows = await loadIncidentHistory(queryClient, id);
  return rows.flatMap(({ timestamp, state, mergedInto, splitFrom, reopenedCount = 0 }, i) => {
    const before = rows[i - 1];
    if (before?.state === state) return [];
    const opened =
      splitFrom === undefined ? 'Incident opened' : `Separated from incident ${splitFrom}`;
    const texts: Readonly<Record<string, string>> = {
      open: reopenedCount > 0 && before ? 'Incident reopened' : opened,
      resolved: 'Incident resolved',
      merged: `Merged into incident ${mergedInto}`,
    };
    return [createEntry(timestamp, 'incident', texts[state ?? ''] ?? 'Incident changed')];
  });
}
