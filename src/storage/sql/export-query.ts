import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { Transform } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { createError, errorMessage } from '../../core/errors.ts';
import { toReadOnlySql } from './read-only-sql.ts';

export type ExportFormat = 'csv' | 'parquet';

export interface ExportStats {
  bytes: number;
  /** Without the line of titles; undefined where the format does not show them as it goes by. */
  rows: number | undefined;
}

export interface ExportOptions {
  readonly file: string;
  readonly format: ExportFormat;
  /** After which QuestDB ends the query. */
  readonly timeoutMs: number;
  readonly onProgress: (written: ExportStats) => void;
}

const NEWLINE = 0x0a;

/**
 * Streams the answer of one SELECT into a file, which appears when it is whole. Memory stays flat.
 *
 * @throws PS_SQL_REFUSED, PS_EXPORT_FAILED, PS_QUESTDB_UNREACHABLE
 */
export async function exportQuery(
  target: WriteTarget,
  statement: string,
  { file, format, timeoutMs, onProgress }: ExportOptions,
): Promise<ExportStats> {
  const body = await requestExport(
    target,
    `SELECT * FROM (${toReadOnlySql(statement)})`,
    format,
    timeoutMs,
  );
  const count = format === 'csv' ? createRowCounter() : () => undefined;
  const written: ExportStats = { bytes: 0, rows: count(Buffer.alloc(0)) };
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      written.bytes += chunk.length;
      written.rows = count(chunk);
      onProgress(written);
      done(null, chunk);
    },
  });
  const draft = `${file}.${process.pid}.part`;
  try {
    // A query that fails midway breaks the transfer off, which fails here.
    await pipeline(body, counting, createWriteStream(draft, { mode: 0o600, flags: 'wx' }));
    await rename(draft, file);
  } catch (error) {
    await rm(draft, { force: true });
    throw createError('PS_EXPORT_FAILED', { file, reason: errorMessage(error) }, error);
  }
  return written;
}

/** `fetch` would give up on a long answer after five minutes, whatever it is told. */
async function requestExport(
  target: WriteTarget,
  statement: string,
  format: ExportFormat,
  timeoutMs: number,
): Promise<IncomingMessage> {
  const url = new URL(`/exp?${new URLSearchParams({ query: statement, fmt: format })}`, target.url);
  const headers = {
    'statement-timeout': String(timeoutMs),
    ...(target.authorization && { authorization: target.authorization }),
  };
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const send = url.protocol === 'https:' ? secureRequest : request;
    send(url, { headers }, resolve).once('error', reject).end();
  }).catch((error: unknown) => {
    throw createError(
      'PS_QUESTDB_UNREACHABLE',
      { url: target.url, reason: errorMessage(error) },
      error,
    );
  });
  if (response.statusCode === 200) return response;
  const said = await text(response);
  const reason = /"error":"((?:[^"\\]|\\.)*)"/.exec(said)?.[1] ?? `HTTP ${response.statusCode}`;
  throw createError('PS_SQL_REFUSED', { reason: `QuestDB says "${reason}"` });
}

/** Lines without that of the titles: QuestDB writes a line break inside a text as `\n`. */
function createRowCounter(): (chunk: Buffer) => number {
  let lines = 0;
  return (chunk) => {
    for (let i = chunk.indexOf(NEWLINE); i >= 0; i = chunk.indexOf(NEWLINE, i + 1)) lines += 1;
    return Math.max(0, lines - 1);
  };
}
