import { describe, expect, it, vi } from 'vitest';
import { takeCallTimeMs } from '../../../../src/core/call-timer.ts';
import { DAY_MS } from '../../../../src/core/duration.ts';
import type { AnyRow } from '../../../../src/core/schema/table-definition.ts';
import { DroppedRowCounter } from '../../../../src/storage/spool/dropped-rows.ts';
import { BatchEncoder } from '../../../../src/storage/write/batch-encoder.ts';

const DAY = 20_000 * DAY_MS;

function createEncoder() {
  const dropped = new DroppedRowCounter();
  const warn = vi.fn();
  const encoder = new BatchEncoder({ dropped, log: { info: () => {}, warn, error: () => {} } });
  return { encoder, dropped, warn };
}

function makeRow(timestamp: number, name: string): AnyRow {
  return { timestamp, name, count: 1 };
}

describe('BatchEncoder', () => {
  it('returns one batch of measurements per UTC day and ignores the clock of the process', () => {
    const { encoder, dropped } = createEncoder();
    const rows = [
      makeRow(DAY - 1, 'yesterday'),
      makeRow(DAY, 'today'),
      makeRow(DAY + DAY_MS - 1, 'evening'),
      makeRow(0, 'long ago'),
    ];
    const batches = encoder.toBatches({ table: 'performance_metrics', rows });
    expect(batches.map(({ rows: count, newestMs }) => [count, newestMs])).toEqual([
      [1, DAY - 1],
      [2, DAY + DAY_MS - 1],
      [1, 0],
    ]);
    expect(dropped.total).toBe(0);
  });

  it('is part of the measured CPU time of the agent', () => {
    vi.useFakeTimers({ toFake: ['performance'], now: 1000 });
    try {
      vi.advanceTimersByTime(1000);
      takeCallTimeMs();
      const row = makeRow(DAY, 'slow');
      Object.defineProperty(row, 'service', { get: () => void vi.advanceTimersByTime(10) });
      createEncoder().encoder.toBatches({ table: 'performance_metrics', rows: [row] });
      expect(takeCallTimeMs()).toBeGreaterThanOrEqual(10);
    } finally {
      vi.useRealTimers();
    }
  });

  it('returns one batch for tables whose rows never expire', () => {
    const { encoder } = createEncoder();
    const rows = [0, DAY].map((timestamp) => ({ timestamp, id: 'a' }));
    expect(encoder.toBatches({ table: 'silences', rows })).toMatchObject([{ rows: 2 }]);
  });

  it('drops and counts only the rows that cannot be encoded', () => {
    const { encoder, dropped, warn } = createEncoder();
    const rows = Array.from({ length: 100 }, (_, i) => makeRow(DAY + i, `row-${i}`));
    rows[17]!.count = 1.5;
    rows[80]!.count = Number.NaN;
    const batches = encoder.toBatches({ table: 'performance_metrics', rows });
    const lines = batches.map((batch) => batch.lines.toString()).join('');
    expect(lines.match(/(?<=name=)[^ ]+/g)).toEqual(
      rows.map((_, i) => `row-${i}`).filter((_, i) => i !== 17 && i !== 80),
    );
    expect(batches.reduce((sum, batch) => sum + batch.rows, 0)).toBe(98);
    expect(batches.length).toBeLessThan(20);
    expect(dropped.byReason).toEqual(new Map([['unwritable', 2]]));
    expect(warn).toHaveBeenCalledWith(expect.stringContaining('count must be an integer, not 1.5'));
  });
});
