import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { Transform, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { createFormulaFilter } from '../../core/csv-formula.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import { createRejectedSqlError, toReadOnlySql } from './check-user-sql.ts';

export type ExportFormat = 'csv' | 'parquet';

export interface ExportStats {
  bytes: number;
  /**
   * Number of rows without the header line; `undefined` for Parquet, where rows can't be counted.
   */
  rows: number | undefined;
}

export interface ExportOptions {
  /** Path of the new file, or the stream that receives the rows. It isn't ended. */
  readonly output: string | Writable;
  readonly format: ExportFormat;
  /** QuestDB cancels the query after this time. */
  readonly timeoutMs: number;
  readonly onProgress: (written: ExportStats) => void;
}

const NEWLINE = 0x0a;

/**
 * Streams the result of one SELECT to a file or a stream with constant memory use. The file is created
 * only when the export is complete.
 *
 * @throws PS_SQL_REFUSED if the statement is not a read-only SELECT or QuestDB rejects it
 * @throws PS_EXPORT_FAILED if the transfer is interrupted or the file can't be written
 * @throws PS_QUESTDB_UNREACHABLE if the request fails
 */
export async function exportQuery(
  target: WriteTarget,
  statement: string,
  { output, format, timeoutMs, onProgress }: ExportOptions,
): Promise<ExportStats> {
  const body = await requestExport(
    target,
    `SELECT * FROM (${toReadOnlySql(statement)})`,
    format,
    timeoutMs,
  );
  const countRows = format === 'csv' ? createRowCounter() : () => undefined;
  const written: ExportStats = { bytes: 0, rows: countRows(Buffer.alloc(0)) };
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      written.bytes += chunk.length;
      written.rows = countRows(chunk);
      onProgress(written);
      done(null, chunk);
    },
  });
  const filters = format === 'csv' ? [createFormulaFilter(), counter] : [counter];
  const draft = typeof output === 'string' ? `${output}.${process.pid}.part` : undefined;
  try {
    // If the query fails midway, QuestDB closes the connection, which throws here.
    if (draft === undefined) await pipeline([body, ...filters, output as Writable], { end: false });
    else {
      await pipeline([body, ...filters, createWriteStream(draft, { mode: 0o600, flags: 'wx' })]);
      await rename(draft, output as string);
    }
  } catch (error) {
    if (draft !== undefined) await rm(draft, { force: true });
    const file = typeof output === 'string' ? output : 'stdout';
    throw createError('PS_EXPORT_FAILED', { file, reason: errorMessage(error) }, error);
  }
  return written;
}

/** Starts the export. Does not use `fetch`, which always times out after 5 min. */
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
  const responseText = await text(response);
  const reason =
    /"error":"((?:[^"\\]|\\.)*)"/.exec(responseText)?.[1] ?? `HTTP ${response.statusCode}`;
  throw createRejectedSqlError(reason, statement);
}

/** Counts lines without the header. QuestDB escapes line breaks in values as `\n`. */
function createRowCounter(): (chunk: Buffer) => number {
  let lines = 0;
  return (chunk) => {
    for (let i = chunk.indexOf(NEWLINE); i >= 0; i = chunk.indexOf(NEWLINE, i + 1)) lines += 1;
    return Math.max(0, lines - 1);
  };
}
