import { expect, it } from 'vitest';
import { classifyAge } from '../../../../src/storage/spool/stored-segment.ts';

const DAY_MS = 86_400_000;

it.each([
  ['recent', 0, DAY_MS],
  ['recent', 59_000, DAY_MS],
  ['old', 61_000, DAY_MS],
  ['before restart', DAY_MS + 1, DAY_MS],
  ['before restart', 5000, 4000],
  // The clock was set back by a few milliseconds, or by an hour.
  ['recent', -5, DAY_MS],
  ['before restart', -3_600_000, DAY_MS],
  // The uptime is unknown.
  ['before restart', 1, 0],
])(
  'classifies a file as %s if its age is %i ms and the uptime is %i ms',
  (age, ageMs, uptimeMs) => {
    expect(classifyAge(ageMs, uptimeMs)).toBe(age);
  },
);
