import { expect, it } from 'vitest';
import { RejectedLines } from '../../../../src/storage/write/rejected-lines.ts';

const line = Buffer.from('a v=1 1\n');

it('finds only equal lines of the same table', () => {
  const lines = new RejectedLines();
  lines.add('a', line);
  expect(lines.has('a', Buffer.from(line))).toBe(true);
  expect(lines.has('b', line)).toBe(false);
  expect(lines.has('a', Buffer.from('a v=2 1\n'))).toBe(false);
});

it('forgets old lines, and keeps a limited number', () => {
  let nowMs = 0;
  const lines = new RejectedLines(() => nowMs);
  lines.add('a', line);
  nowMs += 200_000;
  lines.add('a', Buffer.from('b'));
  expect(lines.has('a', line)).toBe(false);
  for (let i = 0; i < 10_000; i++) lines.add('a', Buffer.from(`${i}`));
  expect(lines.has('a', Buffer.from('b'))).toBe(false);
  expect(lines.has('a', Buffer.from('9999'))).toBe(true);
});
