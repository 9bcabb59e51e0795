import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';

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
  const { response, body } = await sendQuery(target, sql, timeoutMs);
  if (!response.ok || typeof body.error === 'string') {
    const reason = typeof body.error === 'string' ? body.error : response.statusText;
    throw createError('PS_QUESTDB_REFUSED', { status: response.status, reason });
  }
  return { columns: [], dataset: [], ...body };
}

async function sendQuery(target: WriteTarget, sql: string, timeoutMs: number) {
  try {
    const response = await fetch(`${target.url}/exec?query=${encodeURIComponent(sql)}`, {
      headers: target.authorization ? { authorization: target.authorization } : {},
      signal: AbortSignal.timeout(timeoutMs),
      redirect: 'error',
    });
    const text = await response.text();
    return { response, body: parseJsonOrEmpty(text) };
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw createError(
      'PS_QUESTDB_UNREACHABLE',
      { url: target.url, reason: errorMessage(cause) },
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
