import { describe, expect, it } from 'vitest';
import { compareRows, countRowsInMemory } from '../../chaos/compare-rows.ts';

const stored = (rows: number, distinct: number, largest: number) =>
  new Map([['app', { rows, distinct, largest }]]);

describe('compareRows', () => {
  it('finds doubled and lost rows', () => {
    const recorded = [{ label: 'app', recorded: 10, savedRows: 10 }];
    const sums = { recorded: 10, stored: 8, doubled: 1, lost: 2, unsaved: 0 };
    expect(compareRows(recorded, stored(9, 8, 9))).toEqual(sums);
  });

  it('counts only the last rows of a killed process as unsaved', () => {
    const killed = [{ label: 'app', recorded: 10, savedRows: 6 }];
    expect(compareRows(killed, stored(8, 8, 7))).toMatchObject({ lost: 2, unsaved: 2 });
    // A later row was stored, so the missing row was in the spool.
    expect(compareRows(killed, stored(9, 9, 9))).toMatchObject({ lost: 1, unsaved: 0 });
    // A row that was recorded early enough is missing.
    expect(compareRows(killed, stored(5, 5, 4))).toMatchObject({ lost: 5, unsaved: 4 });
  });

  it('counts the rows that a killed process stored but did not report', () => {
    const killed = [{ label: 'app', recorded: 10, savedRows: 10 }];
    expect(compareRows(killed, stored(12, 12, 11))).toMatchObject({ recorded: 12, lost: 0 });
  });
});

describe('countRowsInMemory', () => {
  const comparison = { recorded: 1000, stored: 840, doubled: 0, lost: 160, unsaved: 160 };

  it('does not count rows that were counted as damaged, because the kill interrupted their write', () => {
    expect(countRowsInMemory(comparison, 0)).toBe(160);
    expect(countRowsInMemory(comparison, 100)).toBe(60);
    // The counter also contains the bucket rows.
    expect(countRowsInMemory(comparison, 200)).toBe(0);
  });

  it('counts no rows that were recorded long before the kill', () => {
    expect(countRowsInMemory({ ...comparison, unsaved: 20 }, 0)).toBe(20);
  });
});
