import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import type { HttpResponse } from '../../core/http/http-connection.ts';
import { createError, errorMessage, PerfscopeError } from '../../core/perfscope-error.ts';
import { QuestdbHttpClient } from './questdb-http-client.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
const IDLE_TIMEOUT_MS = 4000;
/** Limit of a result, in bytes. Results list tables, views, and partitions. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

const commandClient = new QuestdbHttpClient({
  keepsProcessAlive: true,
  idleTimeoutMs: IDLE_TIMEOUT_MS,
});
const backgroundClient = new QuestdbHttpClient({
  keepsProcessAlive: false,
  idleTimeoutMs: IDLE_TIMEOUT_MS,
});

/** Fields that Perfscope uses from a response of QuestDB's `/exec` endpoint. */
export interface ExecResult {
  columns: { name: string; type: string }[];
  dataset: unknown[][];
}

export interface ExecOptions {
  /** Time limit for the complete response, in ms. Default: 30,000. */
  readonly timeoutMs?: number;
  /** Whether the request keeps the process alive. Default: `true`. */
  readonly keepsProcessAlive?: boolean;
  /** Cancels the request. */
  readonly signal?: AbortSignal;
}

/**
 * Runs one statement over HTTP. Use it only for schema changes and administration: there are no
 * bound parameters, so `sql` must not contain any user input.
 *
 * @throws PS_QUESTDB_UNREACHABLE if the request fails
 * @throws PS_QUESTDB_REFUSED if QuestDB returns an error, or another server responds
 */
export async function execSql(
  target: WriteTarget,
  sql: string,
  options: ExecOptions = {},
): Promise<ExecResult> {
  const { status, statusText, body } = await sendQuery(target, sql, options);
  const result = parseResult(body);
  if (status < 200 || status > 299 || result === undefined || 'error' in result) {
    const reason = result && 'error' in result ? result.error : describe(status, statusText);
    throw createError('PS_QUESTDB_REFUSED', { status, reason });
  }
  return result;
}

/** Whether QuestDB did not respond, so that a later attempt can succeed. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof PerfscopeError && error.code === 'PS_QUESTDB_UNREACHABLE';
}

async function sendQuery(
  target: WriteTarget,
  sql: string,
  { timeoutMs = DEFAULT_TIMEOUT_MS, keepsProcessAlive = true, signal }: ExecOptions,
): Promise<HttpResponse> {
  const client = keepsProcessAlive ? commandClient : backgroundClient;
  try {
    const path = `/exec?query=${encodeURIComponent(sql)}`;
    return await client.send(target, {
      method: 'GET',
      path,
      timeoutMs,
      maxBodyBytes: MAX_BODY_BYTES,
      signal,
    });
  } catch (error) {
    throw createError(
      'PS_QUESTDB_UNREACHABLE',
      { url: target.url, reason: errorMessage(error) },
      error,
    );
  }
}

function describe(status: number, statusText: string): string {
  return status >= 200 && status < 300 ? 'the response is not from QuestDB' : statusText;
}

/** Returns the result, or undefined if the text is not a response of QuestDB. */
function parseResult(text: string): ExecResult | { error: string } | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof body !== 'object' || body === null) return undefined;
  const { error, columns = [], dataset = [] } = body as Record<string, unknown>;
  if (typeof error === 'string') return { error };
  const isResult =
    Array.isArray(columns) && Array.isArray(dataset) && dataset.every((row) => Array.isArray(row));
  return isResult ? ({ columns, dataset } as ExecResult) : undefined;
}
