import { expect, it } from 'vitest';
import type { MetricChange } from '../../../../src/server/alerts/explanation/format-cause.ts';
import { formatCause } from '../../../../src/server/alerts/explanation/format-cause.ts';

const p95: MetricChange = {
  metric: 'p95',
  subject: undefined,
  before: 400,
  now: 1240,
  unit: 'ms',
  display: 'factor',
};
const emails: MetricChange = {
  metric: 'oldest job',
  subject: { dimension: 'queue', name: 'emails' },
  before: 20_000,
  now: 240_000,
  unit: 'ms',
  display: 'level',
};
const cpu: MetricChange = {
  metric: 'CPU',
  subject: { dimension: 'instance', name: 'web-2' },
  before: 40,
  now: 96,
  unit: '%',
  display: 'level',
};

it('lists the changes in one line, largest first', () => {
  expect(formatCause({ headline: p95, contributors: [], changes: [cpu, emails] })).toBe(
    'p95 ×3.1; queue `emails` oldest job 4 min; CPU 96 % on web-2',
  );
});

it('lists the top contributors', () => {
  const contributors = [
    { dimension: 'endpoint', name: 'GET /', share: 0.1 },
    { dimension: 'organization', name: 'org-1', share: 0.35 },
    { dimension: 'endpoint', name: 'POST /bookings', share: 0.62 },
  ] as const;
  expect(formatCause({ headline: p95, contributors, changes: [] })).toBe(
    'p95 ×3.1 (62 % `POST /bookings`, 35 % organization `org-1`)',
  );
});

const other = (more: Partial<MetricChange>): MetricChange => ({
  metric: 'requests',
  subject: undefined,
  before: 100,
  now: 300,
  unit: '1/min',
  display: 'factor',
  ...more,
});

it.each([
  ['a value that tripled', {}, 'requests ×3'],
  ['a value that fell to a quarter', { now: 25 }, 'requests ×0.25'],
  ['a value that was zero before', { before: 0, now: 40 }, 'requests 40/min'],
  ['a new value', { before: undefined, now: 40 }, 'requests 40/min'],
  ['a value that dropped to zero', { now: 0 }, 'requests ×0'],
  ['no unchanged value', { now: 110 }, undefined],
  ['no new value of zero', { before: undefined, now: 0 }, undefined],
  [
    'no percentage with a small change',
    { before: 1, now: 4, unit: '%', display: 'level' },
    undefined,
  ],
  [
    'a percentage with a large change',
    { before: 80, now: 96, unit: '%', display: 'level' },
    'requests 96 %',
  ],
  [
    'memory in bytes',
    { before: 1e6, now: 4_194_304, unit: 'By', display: 'level' },
    'requests 4 MiB',
  ],
  ['no NaN', { now: Number.NaN }, undefined],
] as const)('shows %s', (_case, more, text) => {
  const line = formatCause({ headline: p95, contributors: [], changes: [other(more)] });
  expect(line).toBe(text === undefined ? 'p95 ×3.1' : `p95 ×3.1; ${text}`);
});

it('shows at most three changes, regardless of their order', () => {
  const changes = [2, 3, 4, 5, 6].map((now) => other({ metric: `f${now}`, before: 1, now }));
  const line = 'p95 ×3.1; f6 ×6; f5 ×5; f4 ×4';
  expect(formatCause({ headline: p95, contributors: [], changes })).toBe(line);
  expect(formatCause({ headline: p95, contributors: [], changes: changes.toReversed() })).toBe(
    line,
  );
});
