import { describe, expect, it } from 'vitest';
import { findLineEnd, type LineChunk } from '../../../../src/storage/spool/batch-lines.ts';
import { LineQueue } from '../../../../src/storage/write/line-queue.ts';
import { createRandom } from '../../../support/random.ts';

/** Texts that are difficult to divide, because a line feed can be part of a text. */
const TEXTS = ['a', '\\\\', '\\\n', '\\\\\\\n', 'b"', 'ä', '\\\\\\\\'];

const toChunk = (lines: readonly string[]): LineChunk => ({
  lines: Buffer.from(lines.map((line) => `${line}\n`).join('')),
  rows: lines.length,
});

describe('findLineEnd', () => {
  it.each([
    ['a\nb\n', 2],
    ['a\\\nb\n', 5],
    ['a\\\\\nb\n', 4],
    ['\\\\\\\nb\n', 6],
    ['without a line feed', 19],
  ])('finds the end of the first line of %j', (text, end) => {
    expect(findLineEnd(Buffer.from(text), 0)).toBe(end);
  });
});

it('returns each line once, in order, and never divides a line', () => {
  const random = createRandom(7);
  const int = (max: number) => Math.floor(random() * max);
  for (let run = 0; run < 300; run++) {
    const createLine = () => Array.from({ length: 1 + int(6) }, () => TEXTS[int(7)]).join('');
    const lines = Array.from({ length: 1 + int(40) }, createLine);
    const chunks: LineChunk[] = [];
    for (let i = 0; i < lines.length; ) {
      const size = 1 + int(10);
      chunks.push(toChunk(lines.slice(i, i + size)));
      i += size;
    }
    const queue = new LineQueue(chunks);
    const taken: string[] = [];
    while (!queue.isEmpty) {
      const maxBytes = 1 + int(60);
      const slice = queue.peek(maxBytes);
      const expected = lines.slice(taken.length, taken.length + slice.rows);
      const data = Buffer.concat(slice.parts);
      expect(data.toString()).toBe(expected.map((line) => `${line}\n`).join(''));
      expect(slice.bytes).toBe(data.length);
      if (slice.rows > 1) expect(slice.bytes).toBeLessThanOrEqual(maxBytes);
      // Sometimes, the request fails, or is rejected.
      if (random() < 0.2) continue;
      if (random() < 0.2 && slice.rows > 1) {
        queue.divide(slice, random() < 0.5 ? 1 + int(slice.rows) : undefined);
        continue;
      }
      taken.push(...expected);
      queue.remove(slice);
      queue.onStored();
    }
    expect(taken).toEqual(lines);
  }
});

it('returns the lines before an invalid line, then this line alone, and later more lines', () => {
  const queue = new LineQueue([toChunk(Array.from({ length: 20 }, (_, i) => `line ${i}`))]);
  const all = queue.peek(1e6);
  expect(all.rows).toBe(20);
  queue.divide(all, 4);
  const sizes: number[] = [];
  while (!queue.isEmpty) {
    const slice = queue.peek(1e6);
    sizes.push(slice.rows);
    queue.remove(slice);
    queue.onStored();
  }
  expect(sizes).toEqual([3, 1, 16]);
});

it('ignores an invalid line number', () => {
  const queue = new LineQueue([toChunk(['a', 'b', 'c', 'd'])]);
  for (const line of [0, -1, 5, Number.NaN]) {
    queue.divide({ rows: 4, bytes: 8, parts: [] }, line);
    expect(queue.peek(1e6).rows).toBe(2);
  }
});
