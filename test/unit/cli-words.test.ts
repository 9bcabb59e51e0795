import fc from 'fast-check';
import { expect, it } from 'vitest';
import { daysUntilFull } from '../../src/commands/disk-forecast.ts';
import { duration, positive } from '../../src/commands/options.ts';
import { tableOf } from '../../src/commands/output.ts';
import type { TopFigures } from '../../src/commands/top-figures.ts';
import { topScreen } from '../../src/commands/top-screen.ts';
import { bytesSaid, durationSaid, figureSaid } from '../../src/commands/words.ts';

it('reads times and numbers, and refuses others', () => {
  expect(['500ms', '90s', '15m', '1.5h', '7d', '2w'].map(duration)).toEqual([
    500, 90_000, 900_000, 5_400_000, 604_800_000, 1_209_600_000,
  ]);
  for (const wrong of ['', '0s', '5', '-1m', '5y', '1e3s', '9999999w']) {
    expect(() => duration(wrong)).toThrow(/a time like/);
  }
  expect(positive('12')).toBe(12);
  for (const wrong of ['0', '-1', '1.5', 'x', '1e3']) expect(() => positive(wrong)).toThrow();
});

it('says sizes, times and figures in few digits', () => {
  expect([0, 999, 1500, 2.5e9].map(bytesSaid)).toEqual(['0 B', '999 B', '1.5 kB', '2.5 GB']);
  expect([5, 90_000, 7_200_000, 2 * 86_400_000].map(durationSaid)).toEqual([
    '5 ms',
    '2 m',
    '2 h',
    '2 d',
  ]);
  expect([undefined, 0, 1.234, 12.34, 1234.5].map((x) => figureSaid(x))).toEqual([
    ...['–', '0.00', '1.23', '12.3', '1235'],
  ]);
});

it('prints tables without control characters, numbers to the right', () => {
  const text = tableOf(
    ['name', 'n'],
    [
      ['a\x1b[31m\nb', 5],
      ['c', 100],
    ],
  );
  expect(text).toBe('name        n\na·[31m·b    5\nc         100\n');
});

it('knows when a disk is full, and that a table stops to grow when its rows expire', () => {
  const forever = { bytesPerDay: 10, forDays: Number.POSITIVE_INFINITY };
  expect(daysUntilFull([forever], 100)).toBe(10);
  expect(daysUntilFull([{ bytesPerDay: 10, forDays: 9 }], 100)).toBeUndefined();
  expect(daysUntilFull([{ bytesPerDay: 90, forDays: 1 }, forever], 190)).toBe(10);
  expect(daysUntilFull([], 100)).toBeUndefined();
  expect(daysUntilFull([{ bytesPerDay: 0, forDays: 5 }], 0)).toBeUndefined();
});

it('has by that day exactly used up what is free', () => {
  const growth = fc.record({ bytesPerDay: fc.nat(1000), forDays: fc.nat(100) });
  fc.assert(
    fc.property(fc.array(growth), fc.integer({ min: 1, max: 1e6 }), (growths, free) => {
      const used = (days: number) =>
        growths.reduce(
          (sum, { bytesPerDay, forDays }) => sum + bytesPerDay * Math.min(days, forDays),
          0,
        );
      const days = daysUntilFull(growths, free);
      if (days === undefined) expect(used(1e9)).toBeLessThan(free);
      else expect(used(days)).toBeCloseTo(free, 3);
    }),
  );
});

const figures: TopFigures = {
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
  })),
  queues: [],
  hosts: [
    {
      service: 'booking',
      instance: 'host-1',
      status: 'healthy',
      cpuUsage: 12,
      memoryUsage: 40,
      diskUsage: undefined,
      eventLoopDelayP99: 11,
    },
  ],
};

it('fits into the terminal, with a part of each section', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 80 }),
      fc.integer({ min: 5, max: 200 }),
      (rows, columns) => {
        const lines = topScreen(figures, { rows, columns, isColored: false }).split('\n');
        expect(lines.length).toBeLessThanOrEqual(rows);
        expect(Math.max(...lines.slice(1).map((line) => line.length))).toBeLessThanOrEqual(columns);
      },
    ),
  );
  const screen = topScreen(figures, { rows: 24, columns: 100, isColored: false });
  expect(screen).toMatch(/GET \/rooms\/0 +booking +50\.0 +12\.5 +40\.0 +–/);
  expect(screen).toMatch(/host-1 +booking +healthy +12\.0 +40\.0 +– +11\.0/);
  expect(screen).toMatch(/^queue +waiting/m);
  expect(screen).not.toContain('\x1b');
  expect(topScreen(figures, { rows: 24, columns: 100, isColored: true })).toContain(
    '\x1b[1mendpoint',
  );
});
