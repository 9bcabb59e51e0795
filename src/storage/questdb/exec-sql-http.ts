import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import { QuestdbHttpClient, type QuestdbResponse } from './questdb-http-client.ts';

const client = new QuestdbHttpClient({ keepsProcessAlive: true, idleTimeoutMs: 4000 });

/** Fields that Perfscope uses from a response of QuestDB's `/exec` endpoint. */
export interface ExecResult {
  columns: { name: string; type: string }[];
  dataset: unknown[][];
}

/**
 * Runs one statement over HTTP. Use it only for schema changes and administration: there are no
 * bound parameters, so `sql` must not contain any user input.
 *
 * @throws PS_QUESTDB_UNREACHABLE if the request fails
 * @throws PS_QUESTDB_REFUSED if QuestDB returns an error
 */
export async function execSql(
  target: WriteTarget,
  sql: string,
  timeoutMs = 30_000,
): Promise<ExecResult> {
  const { status, statusText, body } = await sendQuery(target, sql, timeoutMs);
  const result = parseJsonOrEmpty(body);
  if (status < 200 || status > 299 || typeof result.error === 'string') {
    const reason = typeof result.error === 'string' ? result.error : statusText;
    throw createError('PS_QUESTDB_REFUSED', { status, reason });
  }
  return { columns: [], dataset: [], ...result };
}

async function sendQuery(
  target: WriteTarget,
  sql: string,
  timeoutMs: number,
): Promise<QuestdbResponse> {
  try {
    const path = `/exec?query=${encodeURIComponent(sql)}`;
    return await client.send(target, { method: 'GET', path, timeoutMs });
  } catch (error) {
    throw createError(
      'PS_QUESTDB_UNREACHABLE',
      { url: target.url, reason: errorMessage(error) },
      error,
    );
  }
}

function parseJsonOrEmpty(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
