import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import { QuestdbHttpClient } from '../questdb/questdb-http-client.ts';

/**
 * The result of a write:
 * - `stored`: QuestDB has stored all lines.
 * - `retry`: QuestDB can't be reached, or another server responded. The lines can be sent again unchanged.
 * - `failed`: QuestDB reported an internal error. It can be temporary, or caused by the table or a line. `line` is the
 *   number of the line, counted from 1, if QuestDB reported it.
 * - `cut`: the connection was closed before a response. A proxy can do that if a request is too large or slow.
 * - `timeout`: no response within the time limit. QuestDB or the connection can be slow.
 * - `too_large`: QuestDB or a proxy accepts only smaller requests.
 * - `rejected`: QuestDB rejected all lines, because at least one line is invalid. `line` is the number of
 *   the first invalid line, counted from 1, if QuestDB reported it.
 */
export type WriteOutcome =
  | { readonly kind: 'stored' }
  | { readonly kind: 'retry' | 'cut' | 'timeout' | 'too_large'; readonly reason: string }
  | {
      readonly kind: 'failed' | 'rejected';
      readonly reason: string;
      readonly line: number | undefined;
    };

/**
 * Time after which an unused connection is closed, in ms. After `DROP TABLE`, QuestDB 9.3 acknowledges the
 * next request on an open connection, but does not store its rows.
 */
const IDLE_TIMEOUT_MS = 1000;
const MAX_REASON_LENGTH = 300;
/** Texts that differ between responses with the same cause. */
const PREFIX_PATTERN = /^failed to parse line protocol:\s*errors encountered on line\(s\):\s*/;
const LINE_NUMBER_PATTERN = /^error in line \d+: /;

/**
 * Sends lines to the `/write` endpoint of QuestDB. Its connections never keep the process alive.
 */
export class IlpClient {
  readonly #keepsProcessAlive: boolean;
  #client: QuestdbHttpClient;
  /** Clients whose requests were running when a new connection was needed. */
  readonly #previous: QuestdbHttpClient[] = [];
  #runningRequests = 0;
  #isClosed = false;

  /** @param keepsProcessAlive whether a running request keeps the process alive. Default: `false`. */
  constructor(keepsProcessAlive = false) {
    this.#keepsProcessAlive = keepsProcessAlive;
    this.#client = this.#createClient();
  }

  /**
   * Uses a new connection for the next request. QuestDB caches the columns of a table for each connection.
   * Therefore, an existing connection never accepts rows with a column that was dropped and added again. Running
   * requests continue. Their connections are closed when they are unused.
   */
  reconnect(): void {
    if (this.#isClosed) return;
    if (this.#runningRequests === 0) this.#client.close();
    else this.#previous.push(this.#client);
    this.#client = this.#createClient();
  }

  #createClient(): QuestdbHttpClient {
    const keepsProcessAlive = this.#keepsProcessAlive;
    return new QuestdbHttpClient({ keepsProcessAlive, idleTimeoutMs: IDLE_TIMEOUT_MS });
  }

  /** Sends lines. Always resolves within `deadlineMs`, and never rejects. */
  async write(
    target: WriteTarget,
    lines: readonly Buffer[],
    deadlineMs: number,
  ): Promise<WriteOutcome> {
    this.#runningRequests++;
    try {
      const { status, body } = await this.#client.send(target, {
        method: 'POST',
        path: '/write?precision=n',
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        body: lines,
        timeoutMs: deadlineMs,
      });
      return toWriteOutcome(status, body);
    } catch (error) {
      const isTimeout = error instanceof DOMException && error.name === 'TimeoutError';
      if (!isTimeout) return { kind: isCut(error) ? 'cut' : 'retry', reason: errorMessage(error) };
      return { kind: 'timeout', reason: `no response within ${Math.round(deadlineMs / 1000)} s` };
    } finally {
      this.#runningRequests--;
      if (this.#runningRequests === 0) for (const each of this.#previous.splice(0)) each.close();
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const each of [this.#client, ...this.#previous]) each.close();
  }
}

/** Whether a connection existed. Other errors, such as ECONNREFUSED, have nothing to do with the request. */
function isCut(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'EPIPE' || message === 'the connection was closed';
}

/**
 * Returns the outcome of an HTTP response. Only QuestDB itself can store or reject lines. A proxy or
 * another server can respond with status 200 or 400 too, but not with QuestDB's content.
 */
function toWriteOutcome(status: number, body: string): WriteOutcome {
  if (status === 204) return { kind: 'stored' };
  const response = `HTTP ${status} ${body.slice(0, MAX_REASON_LENGTH)}`.trim();
  if (status === 413) return { kind: 'too_large', reason: response };
  if (status < 400) {
    return { kind: 'retry', reason: `the response is not from QuestDB (HTTP ${status})` };
  }
  const rejection = parseRejection(body);
  if (rejection === undefined) return { kind: 'retry', reason: response };
  const { line } = rejection;
  const reason = normalize(rejection.message);
  const isInvalid = status === 400 || rejection.message.includes('invalid UTF8');
  if (isInvalid) return { kind: 'rejected', reason, line };
  return { kind: 'failed', reason: `HTTP ${status} ${reason}`, line };
}

/** Parses an error message of QuestDB. Returns undefined for the response of another server. */
function parseRejection(body: string): { message: string; line: number | undefined } | undefined {
  try {
    const { code, message, line } = JSON.parse(body) as Record<string, unknown>;
    if (typeof code !== 'string' || typeof message !== 'string') return undefined;
    return { message, line: Number.isSafeInteger(line) ? (line as number) : undefined };
  } catch {
    return undefined;
  }
}

/** Removes line numbers, so that equal causes have equal texts. */
function normalize(message: string): string {
  const text = message.replace(PREFIX_PATTERN, '').replace(LINE_NUMBER_PATTERN, '').trim();
  return text.slice(0, MAX_REASON_LENGTH);
}
