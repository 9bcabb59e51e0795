import { BACKSLASH, LF } from './line-protocol-bytes.ts';

/** Complete lines of one table. */
export interface LineChunk {
  readonly lines: Buffer;
  readonly rows: number;
}

/** Returns the chunks without their first `count` rows. Chunks without handled rows stay the same objects. */
export function removeFirstRows<T extends LineChunk>(chunks: readonly T[], count: number): T[] {
  let remaining = count;
  return chunks.flatMap((chunk) => {
    if (remaining <= 0) return [chunk];
    const first = takeLines(chunk, Number.POSITIVE_INFINITY, remaining, false);
    remaining -= first.rows;
    if (first.rows === chunk.rows) return [];
    const lines = chunk.lines.subarray(first.lines.length);
    return [{ ...chunk, lines, rows: chunk.rows - first.rows }];
  });
}

/** Returns the first lines of a chunk, within both limits. `atLeastOne` overrides them. */
export function takeLines(
  chunk: LineChunk,
  maxBytes: number,
  maxRows: number,
  atLeastOne: boolean,
): LineChunk {
  const { lines } = chunk;
  if (lines.length <= maxBytes && chunk.rows <= maxRows) return chunk;
  let end = 0;
  let rows = 0;
  while (end < lines.length && rows < maxRows) {
    const next = findLineEnd(lines, end);
    if (next > maxBytes && !(atLeastOne && rows === 0)) break;
    end = next;
    rows++;
  }
  return { lines: lines.subarray(0, end), rows };
}

/**
 * Returns the position after the line that starts at `start`. A line feed with a backslash before it is part of
 * a text. In a sequence of backslashes, each second one is a character of the text.
 */
export function findLineEnd(lines: Buffer, start: number): number {
  for (let from = start; ; ) {
    const position = lines.indexOf(LF, from);
    if (position === -1) return lines.length;
    let backslashes = 0;
    while (position - backslashes > start && lines[position - backslashes - 1] === BACKSLASH) {
      backslashes++;
    }
    if (backslashes % 2 === 0) return position + 1;
    from = position + 1;
  }
}
