import { isUtf8 } from 'node:buffer';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readTrustedFile } from '../../core/trusted-file.ts';
import { findLineEnd } from '../spool/batch-lines.ts';
import { LF } from '../spool/line-protocol-bytes.ts';

/** Subfolder of a spool folder. */
export const DEAD_LETTER_FOLDER = 'dead-letters';
const SUFFIX = '.jsonl';
/** Not the suffix of dead letters, so that other processes ignore the file. */
const REMOVED_SUFFIX = '.removed';
const REMOVED_PATTERN = /\.jsonl\.removed$/;
/** Name of a file that is being written. See `writePrivateFile`. */
const UNFINISHED_PATTERN = /\.jsonl\.\d+\.[0-9a-f]{8}$/;
const TIME_DIGITS = 15;

/** A row that can't be stored, and why. */
export interface DeadLetter {
  /** When the row was set aside, in ISO 8601. */
  readonly at: string;
  readonly table: string;
  readonly reason: string;
  /** The row in the line protocol, without its line feed. In Base64 if it isn't valid UTF-8. */
  readonly line: string;
  readonly encoding?: 'base64';
}

/** Returns one line of JSON. */
export function formatDeadLetter(letter: DeadLetter): string {
  return `${JSON.stringify(letter)}\n`;
}

/** Returns one dead letter for each row. */
export function toDeadLetters(
  table: string,
  lines: Buffer,
  reason: string,
  nowMs: number,
): DeadLetter[] {
  const at = new Date(nowMs).toISOString();
  const letters: DeadLetter[] = [];
  for (let start = 0; start < lines.length; ) {
    const end = findLineEnd(lines, start);
    const line = lines.subarray(start, lines[end - 1] === LF ? end - 1 : end);
    letters.push(
      isUtf8(line)
        ? { at, table, reason, line: line.toString() }
        : { at, table, reason, line: line.toString('base64'), encoding: 'base64' },
    );
    start = end;
  }
  return letters;
}

/** Returns the row of a dead letter in the line protocol, with its line feed. */
export function toLine({ line, encoding }: Pick<DeadLetter, 'line' | 'encoding'>): Buffer {
  return Buffer.concat([Buffer.from(line, encoding ?? 'utf8'), Buffer.of(LF)]);
}

/** Returns a new file name. The names of older files sort before it. */
export function createDeadLetterFileName(source: string, nowMs: number): string {
  return `${String(nowMs).padStart(TIME_DIGITS, '0')}-${source}${SUFFIX}`;
}

/** Returns the time in ms from the name of a file, or 0. */
export function getFileTime(name: string): number {
  return Number.parseInt(name.slice(0, TIME_DIGITS), 10) || 0;
}

/**
 * Returns the names of the files with dead letters, oldest first, or nothing if the folder does not exist.
 *
 * @throws the error of the file system
 */
export function listDeadLetterFiles(folder: string): string[] {
  return listFiles(folder, /\.jsonl$/);
}

/** Returns the name of a file while it is being removed. */
export function toRemovedName(name: string): string {
  return `${name}${REMOVED_SUFFIX}`;
}

/**
 * Returns the names of the files that are being removed, or whose removal was interrupted.
 *
 * @throws the error of the file system
 */
export function listRemovedFiles(folder: string): string[] {
  return listFiles(folder, REMOVED_PATTERN);
}

/**
 * Returns the names of the files that are being written, or whose writing was interrupted.
 *
 * @throws the error of the file system
 */
export function listUnfinishedFiles(folder: string): string[] {
  return listFiles(folder, UNFINISHED_PATTERN);
}

function listFiles(folder: string, pattern: RegExp): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => pattern.test(name))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Reads a file with dead letters. A damaged line becomes a dead letter of the table `unknown`, with the time in the
 * name of the file.
 *
 * @throws UntrustedFileError, or the error of the file system
 */
export function readDeadLetters(folder: string, name: string): DeadLetter[] {
  const lines = readTrustedFile(join(folder, name)).split('\n');
  return lines.filter((line) => line !== '').map((line) => parseDeadLetter(line, name));
}

function parseDeadLetter(text: string, fileName: string): DeadLetter {
  try {
    const { at, table, reason, line, encoding } = JSON.parse(text) as Record<string, unknown>;
    if ([at, table, reason, line].every((value) => typeof value === 'string')) {
      const letter = { at, table, reason, line } as DeadLetter;
      return encoding === 'base64' ? { ...letter, encoding } : letter;
    }
  } catch {
    // The process was killed while it wrote this line.
  }
  const at = new Date(getFileTime(fileName)).toISOString();
  return { at, table: 'unknown', reason: 'this dead letter is damaged', line: text };
}
