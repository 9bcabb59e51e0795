import { expect, it } from 'vitest';
import { causeOf } from '../../../src/alerts/explain/cause.ts';
import type { Movement } from '../../../src/alerts/explain/movement.ts';

const p95: Movement = {
  figure: 'p95',
  subject: undefined,
  before: 400,
  now: 1240,
  unit: 'ms',
  shown: 'factor',
};
const emails: Movement = {
  figure: 'oldest job',
  subject: { dimension: 'queue', name: 'emails' },
  before: 20_000,
  now: 240_000,
  unit: 'ms',
  shown: 'level',
};
const cpu: Movement = {
  figure: 'CPU',
  subject: { dimension: 'instance', name: 'web-2' },
  before: 40,
  now: 96,
  unit: '%',
  shown: 'level',
};

it('says in one line what moved, the most first', () => {
  expect(causeOf({ headline: p95, contributors: [], movements: [cpu, emails] })).toBe(
    'p95 ×3.1; queue `emails` oldest job 4 min; CPU 96 % on web-2',
  );
});

it('names who makes most of it', () => {
  const contributors = [
    { dimension: 'endpoint', name: 'GET /', share: 0.1 },
    { dimension: 'organization', name: 'org-1', share: 0.35 },
    { dimension: 'endpoint', name: 'POST /bookings', share: 0.62 },
  ] as const;
  expect(causeOf({ headline: p95, contributors, movements: [] })).toBe(
    'p95 ×3.1 (62 % `POST /bookings`, 35 % organization `org-1`)',
  );
});

const other = (more: Partial<Movement>): Movement => ({
  figure: 'requests',
  subject: undefined,
  before: 100,
  now: 300,
  unit: '1/min',
  shown: 'factor',
  ...more,
});

it.each([
  ['a figure that tripled', {}, 'requests ×3'],
  ['one that fell to a quarter', { now: 25 }, 'requests ×0.25'],
  ['one that came from nothing', { before: 0, now: 40 }, 'requests 40/min'],
  ['one that is new', { before: undefined, now: 40 }, 'requests 40/min'],
  ['one that is gone', { now: 0 }, 'requests ×0'],
  ['none that stayed', { now: 110 }, undefined],
  ['none that never was', { before: undefined, now: 0 }, undefined],
  ['no share that moved by little', { before: 1, now: 4, unit: '%', shown: 'level' }, undefined],
  [
    'a share that moved by much',
    { before: 80, now: 96, unit: '%', shown: 'level' },
    'requests 96 %',
  ],
  [
    'memory in bytes',
    { before: 1e6, now: 4_194_304, unit: 'By', shown: 'level' },
    'requests 4 MiB',
  ],
  ['no value that is none', { now: Number.NaN }, undefined],
] as const)('tells of %s', (_what, more, words) => {
  const line = causeOf({ headline: p95, contributors: [], movements: [other(more)] });
  expect(line).toBe(words === undefined ? 'p95 ×3.1' : `p95 ×3.1; ${words}`);
});

it('stays one short line, the same for any order', () => {
  const movements = [2, 3, 4, 5, 6].map((now) => other({ figure: `f${now}`, before: 1, now }));
  const line = 'p95 ×3.1; f6 ×6; f5 ×5; f4 ×4';
  expect(causeOf({ headline: p95, contributors: [], movements })).toBe(line);
  expect(causeOf({ headline: p95, contributors: [], movements: movements.toReversed() })).toBe(
    line,
  );
});
