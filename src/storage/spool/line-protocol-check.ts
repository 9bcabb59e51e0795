import { BACKSLASH, COMMA, EQUALS, LF, MINUS, QUOTE, SPACE } from './line-protocol-bytes.ts';

/**
 * Returns whether data consists of complete lines of one table. Rejects everything that the encoder
 * never writes, so that QuestDB can't interpret the data in another way.
 */
export function containsOnlyRowsOf(table: string, data: Buffer): boolean {
  return measureRowsOf(table, data).bytes === data.length;
}

/** Returns the length of the valid lines at the start of data, and their number. */
export function measureRowsOf(table: string, data: Buffer): { bytes: number; rows: number } {
  const name = Buffer.from(table);
  let bytes = 0;
  let rows = 0;
  while (bytes < data.length) {
    const end = bytes + name.length;
    const next = data.subarray(bytes, end).equals(name) ? skipColumns(data, end) : -1;
    if (next === -1) break;
    bytes = next;
    rows++;
  }
  return { bytes, rows };
}

/** Returns the position after the line, or -1 if the line is invalid. */
function skipColumns(data: Buffer, start: number): number {
  let position = start;
  while (data[position] === COMMA) {
    const value = skipText(data, position + 1, EQUALS);
    position = value === -1 ? -1 : skipText(data, value + 1, COMMA, SPACE);
    if (position === -1) return -1;
  }
  if (data[position] !== SPACE) return -1;
  // A row can have only symbols.
  if (isDigit(data[position + 1]) || data[position + 1] === MINUS) {
    return skipTimestamp(data, position + 1);
  }
  do {
    const value = skipText(data, position + 1, EQUALS);
    position = value === -1 ? -1 : skipValue(data, value + 1);
    if (position === -1) return -1;
  } while (data[position] === COMMA);
  if (data[position] === LF) return position + 1;
  return data[position] === SPACE ? skipTimestamp(data, position + 1) : -1;
}

/** Returns the position of the first delimiter without a backslash before it, or -1. */
function skipText(data: Buffer, start: number, delimiter: number, other = delimiter): number {
  for (let i = start; i < data.length; i++) {
    const byte = data[i];
    if (byte === BACKSLASH) i++;
    else if (byte === delimiter || byte === other) return i > start ? i : -1;
    else if (byte === LF || byte === SPACE || byte === COMMA || byte === EQUALS) return -1;
  }
  return -1;
}

/** Returns the position after the value of a field, or -1. */
function skipValue(data: Buffer, start: number): number {
  if (data[start] !== QUOTE) {
    let end = start;
    while (isNumberOrWord(data[end])) end++;
    return end > start ? end : -1;
  }
  for (let i = start + 1; i < data.length; i++) {
    const byte = data[i];
    if (byte === BACKSLASH) i++;
    else if (byte === QUOTE) return i + 1;
    else if (byte === LF) return -1;
  }
  return -1;
}

function skipTimestamp(data: Buffer, start: number): number {
  let end = data[start] === MINUS ? start + 1 : start;
  const firstDigit = end;
  while (isDigit(data[end])) end++;
  return end > firstDigit && data[end] === LF ? end + 1 : -1;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57;
}

/** Whether a byte occurs in a number such as `-1.5e+7`, or in `t`, `f`, and the suffixes `i` and `t`. */
function isNumberOrWord(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const isLetter = (byte | 32) >= 97 && (byte | 32) <= 122;
  return isDigit(byte) || isLetter || byte === 43 || byte === MINUS || byte === 46;
}
