import { formatNumber } from '../../../core/format.ts';
import type { SilenceRow } from '../../../core/schema/tables/silences-table.ts';
import { type TenantScope, UNRESTRICTED_SCOPE } from '../../../core/tenant-scope.ts';
import { toText } from '../../../storage/queries/row-values.ts';
import type { TimeRange } from '../../../storage/queries/time-range.ts';
import type { QueryClient } from '../../../storage/questdb/query-client.ts';
import { fromTable, sql } from '../../../storage/sql/sql-builder.ts';
import type { Transition } from '../../alerts/evaluation/alert-transition.ts';
import {
  loadSilenceRows,
  loadTransitions,
  MAX_TRANSITIONS,
} from '../../alerts/state/alert-queries.ts';
import type { Silence } from '../../alerts/suppression/silence.ts';
import { parseSilenceRows } from '../../alerts/suppression/silence-rows.ts';
import type { SentMessage } from '../noise/noise-report.ts';
import type { StoredAcknowledgment } from '../replay/replay-run.ts';

/** Loads the stored transitions of a range, newest first. At most 10,000. */
export function loadStoredTransitions(
  queryClient: QueryClient,
  { fromMs, toMs }: TimeRange,
  scope: TenantScope = UNRESTRICTED_SCOPE,
): Promise<Transition[]> {
  const times = sql`timestamp >= ${new Date(fromMs)} AND timestamp <= ${new Date(toMs)}`;
  return loadTransitions(queryClient, scope, times);
}

/** Returns the acknowledgments among transitions, sorted by time. */
export function toAcknowledgments(transitions: readonly Transition[]): StoredAcknowledgment[] {
  return transitions
    .filter(({ state, author }) => state === 'acknowledged' && author !== undefined)
    .map(({ timestamp, rule, labels, author = '', comment = '' }) => ({
      atMs: timestamp,
      rule,
      labels,
      author,
      comment,
    }))
    .sort((a, b) => a.atMs - b.atMs);
}

/** Loads the silences that were active at some time of a range. */
export async function loadSilencesDuring(
  queryClient: QueryClient,
  { fromMs, toMs }: TimeRange,
): Promise<Silence[]> {
  const rows: readonly SilenceRow[] = await loadSilenceRows(queryClient, fromMs);
  return parseSilenceRows(rows, fromMs)
    .map(({ silence }) => silence)
    .filter(({ startsMs }) => startsMs < toMs);
}

/** Limit on messages in the noise report. */
const MAX_MESSAGES = 50_000;

/** Loads the delivered messages of a range. */
export async function loadSentMessages(
  queryClient: QueryClient,
  { fromMs, toMs }: TimeRange,
  scope: TenantScope,
): Promise<SentMessage[]> {
  const rows = await queryClient.read(
    scope,
    sql`SELECT timestamp, alert_id, receiver, channel ${fromTable('notifications')}
      AND status = 'delivered' AND read_at IS NULL AND timestamp >= ${new Date(fromMs)}
      AND timestamp < ${new Date(toMs)} ORDER BY timestamp DESC LIMIT ${MAX_MESSAGES}`,
  );
  return rows.map((row) => ({
    atMs: (row.timestamp as Date).getTime(),
    alertId: toText(row.alert_id) ?? '',
    receiver: toText(row.receiver) ?? '',
    channel: toText(row.channel) ?? '',
  }));
}

/**
 * Returns notes about the limits of a result.
 *
 * @param transitions number of transitions that were loaded
 * @param messages number of messages that were loaded
 */
export function describeLimits(transitions: number, messages: number): string[] {
  const toNote = (limit: number, name: string) =>
    `Only the newest ${formatNumber(limit)} stored ${name} are counted. Use a shorter time range.`;
  return [
    ...(transitions >= MAX_TRANSITIONS ? [toNote(MAX_TRANSITIONS, 'alert changes')] : []),
    ...(messages >= MAX_MESSAGES ? [toNote(MAX_MESSAGES, 'messages')] : []),
  ];
}
