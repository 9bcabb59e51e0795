import { createHash } from 'node:crypto';
import type { SentryDsn } from '../../core/config/variable-parsers.ts';
import { HOUR_MS } from '../../core/duration.ts';
import type { Logger } from '../../core/log.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import type { ErrorLogRow } from '../../core/schema/tables/error-logs-table.ts';
import { parseStackFrame } from '../../core/stack-frame.ts';
import { UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import type { ReadRows, Row } from '../../storage/questdb/postgres-wire-reader.ts';
import { fromTable, sql } from '../../storage/sql/sql-builder.ts';

const FORWARD_INTERVAL_MS = 5000;
/** Rows can arrive late, because services buffer and spool them. Older rows are not sent. */
const LOOKBACK_MS = 900_000;
const MAX_ROWS = 200;
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_RETRY_AFTER_MS = HOUR_MS;

export interface SentryForwarderOptions {
  readonly dsn: SentryDsn;
  readonly read: ReadRows;
  readonly log: Logger;
}

/**
 * Sends new `error_logs` rows to a Sentry-compatible server. The server does this instead of the
 * services, because a crashing service has no time to send errors. If a request fails, the row is
 * sent again later with the same event ID.
 */
export class SentryForwarder {
  readonly #options: SentryForwarderOptions;
  /** Timestamps of the sent rows, by row ID. */
  readonly #sent = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #retryAtMs = 0;
  #isFailing = false;
  readonly #stopping = new AbortController();

  constructor(options: SentryForwarderOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.forward(), FORWARD_INTERVAL_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#running;
  }

  /** Sends the new rows. Never rejects. */
  forward(nowMs: number = Date.now()): Promise<void> {
    this.#running ??= this.#forward(nowMs)
      .catch((error) => this.#reportFailure(errorMessage(error)))
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async #forward(nowMs: number): Promise<void> {
    if (nowMs < this.#retryAtMs) return;
    const fromMs = nowMs - LOOKBACK_MS;
    for (const [id, ms] of this.#sent) if (ms < fromMs) this.#sent.delete(id);
    const rows = await this.#options.read(
      UNRESTRICTED_SCOPE,
      sql`SELECT * ${fromTable('error_logs')} AND timestamp >= ${new Date(fromMs)} ORDER BY timestamp`,
    );
    const newRows = rows.map(toErrorLogRow).filter(({ id = '' }) => !this.#sent.has(id));
    for (const row of newRows.slice(0, MAX_ROWS)) {
      if (!(await this.#send(row, nowMs))) return;
      this.#sent.set(row.id ?? '', row.timestamp);
    }
  }

  /** @returns false if no more rows should be sent in this run */
  async #send(row: ErrorLogRow, nowMs: number): Promise<boolean> {
    const { dsn } = this.#options;
    const signal = AbortSignal.any([
      this.#stopping.signal,
      AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    ]);
    const body = formatEnvelope(row, nowMs);
    const headers = createEnvelopeHeaders(dsn);
    const response = await fetch(dsn.envelopeUrl, {
      method: 'POST',
      headers,
      body,
      signal,
      redirect: 'error',
    });
    await response.body?.cancel();
    if (response.ok) {
      if (this.#isFailing) this.#options.log.info(`${dsn.origin} accepts errors again.`);
      this.#isFailing = false;
      return true;
    }
    this.#reportFailure(`it returned HTTP ${response.status}`);
    if (response.status === 429) this.#retryAtMs = nowMs + parseRetryAfterMs(response.headers);
    // These errors concern only this row, so continue with the next row.
    return [400, 413, 422].includes(response.status);
  }

  #reportFailure(reason: string): void {
    const { dsn, log } = this.#options;
    if (this.#stopping.signal.aborted || this.#isFailing) return;
    this.#isFailing = true;
    log.warn(`Failed to send errors to ${dsn.origin}: ${reason}. The errors remain in error_logs.`);
  }
}

function parseRetryAfterMs(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') ?? '60');
  return Number.isFinite(seconds) ? Math.min(seconds * 1000, MAX_RETRY_AFTER_MS) : 60_000;
}

function toErrorLogRow(row: Row): ErrorLogRow {
  const text = (name: string) => (typeof row[name] === 'string' ? row[name] : undefined);
  return {
    timestamp: (row.timestamp as Date).getTime(),
    id: text('id'),
    fingerprint: text('fingerprint'),
    level: text('level'),
    kind: text('kind'),
    errorType: text('error_type'),
    message: text('message'),
    stackTrace: text('stack_trace'),
    endpoint: text('endpoint'),
    context: text('context'),
    alertId: text('alert_id'),
    service: text('service'),
    instance: text('instance'),
    serviceVersion: text('service_version'),
    environment: text('environment'),
    organizationId: text('organization_id'),
    propertyId: text('property_id'),
    count: Number(row.count ?? 1),
  };
}

const SENTRY_CLIENT = 'perfscope';
const MAX_FRAMES = 50;

/** Returns the headers of a request to `envelopeUrl`. */
export function createEnvelopeHeaders({ publicKey }: SentryDsn): Record<string, string> {
  return {
    'content-type': 'application/x-sentry-envelope',
    'x-sentry-auth': `Sentry sentry_version=7, sentry_client=${SENTRY_CLIENT}, sentry_key=${publicKey}`,
  };
}

/**
 * Returns an envelope with one event
 * (https://develop.sentry.dev/sdk/foundations/transport/envelopes/). The event ID depends only on the
 * row, so Sentry stores each row once. User data is excluded.
 */
export function formatEnvelope(row: ErrorLogRow, nowMs: number): string {
  const event = toSentryEvent(row);
  const payload = JSON.stringify(event);
  const sdk = { name: SENTRY_CLIENT, version: '1' };
  const header = { event_id: event.event_id, sent_at: new Date(nowMs).toISOString(), sdk };
  const length = Buffer.byteLength(payload);
  const item = { type: 'event', content_type: 'application/json', length };
  return `${JSON.stringify(header)}\n${JSON.stringify(item)}\n${payload}\n`;
}

function toSentryEvent(row: ErrorLogRow) {
  const { id, timestamp, level, kind, errorType, message, stackTrace, endpoint } = row;
  const frames = parseStackFrames(stackTrace);
  return {
    event_id: createHash('sha256').update(`${id}`).digest('hex').slice(0, 32),
    timestamp: timestamp / 1000,
    platform: 'node',
    level,
    logger: SENTRY_CLIENT,
    fingerprint: [row.fingerprint],
    release: row.serviceVersion,
    environment: row.environment,
    server_name: row.instance,
    transaction: endpoint,
    tags: omitUndefined({
      kind,
      service: row.service,
      organization: row.organizationId,
      property: row.propertyId,
      alert: row.alertId,
    }),
    extra: { count: row.count, context: row.context },
    exception: {
      values: [
        {
          type: errorType,
          value: message,
          ...(frames.length > 0 && { stacktrace: { frames } }),
          mechanism: { type: kind, handled: level !== 'fatal' },
        },
      ],
    },
  };
}

/** Returns the stack frames, oldest call first, as Sentry requires. */
function parseStackFrames(stack: string | undefined) {
  return (stack ?? '')
    .split('\n')
    .flatMap((text) => {
      const frame = parseStackFrame(text);
      if (!frame) return [];
      return {
        function: frame.functionName,
        filename: frame.file,
        lineno: frame.line,
        colno: frame.column,
        in_app: frame.isApplication,
      };
    })
    .slice(0, MAX_FRAMES)
    .reverse();
}

function omitUndefined(tags: Readonly<Record<string, string | undefined>>): object {
  return Object.fromEntries(Object.entries(tags).filter(([, value]) => value !== undefined));
}
