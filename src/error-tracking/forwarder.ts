import type { Dsn } from '../config/dsn.ts';
import { reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Read, Row } from '../questdb/reader.ts';
import { from, sql } from '../questdb/statement.ts';
import type { ErrorLogRow } from '../schema/error-logs.ts';
import { EVERYTHING } from '../schema/scope.ts';
import { envelopeHeaders, envelopeOf } from './envelope.ts';

const EVERY_MS = 5000;
/** How late a row may come: it waits in its service's buffer and spool. Older ones are not sent. */
const LOOK_BACK_MS = 900_000;
const MOST_ROWS = 200;
const PATIENCE_MS = 10_000;
const MOST_WAIT_MS = 3_600_000;

export interface ForwarderOptions {
  readonly dsn: Dsn;
  readonly read: Read;
  readonly log: Log;
}

/**
 * Sends what comes into `error_logs` to a Sentry-compatible server, from one place: a service that
 * crashes has no time for it. An entry that could not be sent is sent later, and never twice under
 * two ids.
 */
export class SentryForwarder {
  readonly #options: ForwarderOptions;
  /** Ids that were taken, by the time of their row. */
  readonly #sent = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #notBeforeMs = 0;
  #failing = false;
  readonly #stopping = new AbortController();

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.forward(), EVERY_MS).unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#running;
  }

  /** Sends what is new. Never rejects. */
  forward(nowMs: number = Date.now()): Promise<void> {
    this.#running ??= this.#forward(nowMs)
      .catch((error) => this.#fail(reasonOf(error)))
      .finally(() => {
        this.#running = undefined;
      });
    return this.#running;
  }

  async #forward(nowMs: number): Promise<void> {
    if (nowMs < this.#notBeforeMs) return;
    const fromMs = nowMs - LOOK_BACK_MS;
    for (const [id, ms] of this.#sent) if (ms < fromMs) this.#sent.delete(id);
    const rows = await this.#options.read(
      EVERYTHING,
      sql`SELECT * ${from('error_logs')} AND timestamp >= ${new Date(fromMs)} ORDER BY timestamp`,
    );
    const fresh = rows.map(rowOf).filter(({ id = '' }) => !this.#sent.has(id));
    for (const row of fresh.slice(0, MOST_ROWS)) {
      if (!(await this.#send(row, nowMs))) return;
      this.#sent.set(row.id ?? '', row.timestamp);
    }
  }

  /** @returns false when nothing more is to be sent now */
  async #send(row: ErrorLogRow, nowMs: number): Promise<boolean> {
    const { dsn } = this.#options;
    const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(PATIENCE_MS)]);
    const body = envelopeOf(row, nowMs);
    const headers = envelopeHeaders(dsn);
    const answer = await fetch(dsn.envelopeUrl, {
      method: 'POST',
      headers,
      body,
      signal,
      redirect: 'error',
    });
    await answer.body?.cancel();
    if (answer.ok) {
      if (this.#failing) this.#options.log.info(`${dsn.origin} takes errors again.`);
      this.#failing = false;
      return true;
    }
    this.#fail(`it answered ${answer.status}`);
    if (answer.status === 429) this.#notBeforeMs = nowMs + waitOf(answer.headers);
    // What is wrong with this one is not wrong with the next.
    return [400, 413, 422].includes(answer.status);
  }

  #fail(reason: string): void {
    const { dsn, log } = this.#options;
    if (this.#stopping.signal.aborted || this.#failing) return;
    this.#failing = true;
    log.warn(`${dsn.origin} does not take errors: ${reason}. They are kept in error_logs.`);
  }
}

function waitOf(headers: Headers): number {
  const seconds = Number(headers.get('retry-after') ?? '60');
  return Number.isFinite(seconds) ? Math.min(seconds * 1000, MOST_WAIT_MS) : 60_000;
}

function rowOf(row: Row): ErrorLogRow {
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
