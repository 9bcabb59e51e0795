import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  parseDuration,
  parsePositiveInteger,
  parseTimeLimit,
} from '../../../src/cli/command-options.ts';
import { formatTable, formatValue } from '../../../src/cli/command-output.ts';
import { computeDaysUntilFull, formatTtl } from '../../../src/cli/retention-command.ts';
import type { TopStats } from '../../../src/cli/top-command.ts';
import { formatTopScreen } from '../../../src/cli/top-command.ts';

it('parses durations and integers, and rejects other text', () => {
  expect(['500ms', '90s', '15m', '1.5h', '7d', '2w'].map(parseDuration)).toEqual([
    500, 90_000, 900_000, 5_400_000, 604_800_000, 1_209_600_000,
  ]);
  for (const invalid of ['', '0s', '5', '-1m', '5y', '1e3s', '9999999w']) {
    expect(() => parseDuration(invalid)).toThrow(/must be a duration/);
  }
  expect(parseTimeLimit('1d')).toBe(86_400_000);
  // Node.js would replace a limit of 30 days by 1 ms.
  for (const tooLong of ['30d', '25h']) expect(() => parseTimeLimit(tooLong)).toThrow(/at most 1d/);
  expect(parsePositiveInteger('12')).toBe(12);
  for (const invalid of ['0', '-1', '1.5', 'x', '1e3'])
    expect(() => parsePositiveInteger(invalid)).toThrow();
});

it('formats numbers with about three digits', () => {
  expect([undefined, 0, 1.234, 12.34, 1234.5].map((x) => formatValue(x))).toEqual([
    ...['–', '0.00', '1.23', '12.3', '1235'],
  ]);
});

it('formats tables without control characters and right-aligns numbers', () => {
  const text = formatTable(
    ['name', 'n'],
    [
      ['a\x1b[31m\nb', 5],
      ['c', 100],
    ],
  );
  expect(text).toBe('name        n\na·[31m·b    5\nc         100\n');
});

it('computes when the disk will be full, and accounts for tables that stop growing', () => {
  const unlimited = { bytesPerDay: 10, forDays: Number.POSITIVE_INFINITY };
  expect(computeDaysUntilFull([unlimited], 100)).toBe(10);
  expect(computeDaysUntilFull([{ bytesPerDay: 10, forDays: 9 }], 100)).toBeUndefined();
  expect(computeDaysUntilFull([{ bytesPerDay: 90, forDays: 1 }, unlimited], 190)).toBe(10);
  expect(computeDaysUntilFull([], 100)).toBeUndefined();
  expect(computeDaysUntilFull([{ bytesPerDay: 0, forDays: 5 }], 0)).toBeUndefined();
});

it('returns the exact number of days until the disk is full', () => {
  const growth = fc.record({ bytesPerDay: fc.nat(1000), forDays: fc.nat(100) });
  fc.assert(
    fc.property(fc.array(growth), fc.integer({ min: 1, max: 1e6 }), (growths, freeBytes) => {
      const used = (days: number) =>
        growths.reduce(
          (sum, { bytesPerDay, forDays }) => sum + bytesPerDay * Math.min(days, forDays),
          0,
        );
      const days = computeDaysUntilFull(growths, freeBytes);
      if (days === undefined) expect(used(1e9)).toBeLessThan(freeBytes);
      else expect(used(days)).toBeCloseTo(freeBytes, 3);
    }),
  );
});

const stats: TopStats = {
  at: new Date(Date.UTC(2026, 0, 15, 12)),
  windowMs: 300_000,
  endpoints: Array.from({ length: 50 }, (_, i) => ({
    service: 'booking',
    operation: 'GET',
    endpoint: `/rooms/${i}`,
    rate: 50 - i,
    average: 12.5,
    p95: 40,
    errorRate: undefined,
    parts: [
      { name: 'database', ms: 8, share: 64 },
      { name: 'own', ms: 4, share: 32 },
      { name: 'queue', ms: 0.5, share: 4 },
    ],
  })),
  queues: [
    {
      queue: 'invoices',
      scope: 'bull',
      depth: 0,
      oldestAge: 0,
      arrivalRate: 1,
      completionRate: 1,
      failureRate: 0,
      processingTime: 2,
    },
  ],
  hosts: [
    {
      service: 'booking',
      instance: 'host-1',
      status: 'healthy',
      processCpuUsage: 0.5,
      processMemory: 90 * 2 ** 20,
      host: 'node-a',
      cpuUsage: 100,
      memoryUsage: 40,
      diskUsage: undefined,
      eventLoopDelayP99: 11,
    },
  ],
};

it('fits the `top` screen into the terminal and shows part of each section', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 80 }),
      fc.integer({ min: 5, max: 200 }),
      (rows, columns) => {
        const lines = formatTopScreen(stats, { rows, columns, isColored: false }).split('\n');
        expect(lines.length).toBeLessThanOrEqual(rows);
        expect(Math.max(...lines.slice(1).map((line) => line.length))).toBeLessThanOrEqual(columns);
      },
    ),
  );
  const screen = formatTopScreen(stats, { rows: 24, columns: 100, isColored: false });
  expect(screen).toMatch(/GET \/rooms\/0 +booking +50\.0 +12\.5 +40\.0 +–/);
  expect(screen).toMatch(/^host-1 +booking +healthy +0\.50* +90 MiB +11\.0 +100\.?0? +40\.0 +–$/m);
  expect(screen).toMatch(/^process +service +status +CPU % +memory +loop p99 ms +host CPU %/m);
  expect(screen).toMatch(/^queue +scope +waiting/m);
  expect(screen).toMatch(/^invoices +bull +0 +– /m);
  expect(screen).not.toContain('\x1b');
  expect(formatTopScreen(stats, { rows: 24, columns: 100, isColored: true })).toContain(
    '\x1b[1mendpoint',
  );
});

it.each([
  ['30 DAY', '30 days'],
  ['1 DAY', '1 day'],
  ['1 WEEK', '7 days'],
  ['2 WEEK', '14 days'],
  ['105 WEEK', '105 weeks'],
  ['12 MONTH', '12 months'],
])('prints the TTL %s as %s', (ttl, text) => {
  expect(formatTtl(ttl)).toBe(text);
});
