import { expect, it } from 'vitest';
import { formatReport, type RetentionReport } from '../../../src/cli/retention-command.ts';

/** Returns the report of a table with or without a full day of data. */
function createReport(bytesPerDay: number | undefined, daysUntilFull?: number): RetentionReport {
  const table = {
    name: 'performance_metrics',
    configured: '30 DAY',
    actual: '30 DAY',
    oldest: new Date('2026-11-28T08:30:00Z'),
    rows: 3,
    bytes: 1024,
    bytesPerDay,
    rowsPerDay: undefined,
    rollup: undefined,
  };
  return {
    tables: [table, { ...table, name: 'schema_migrations', oldest: undefined }],
    measuredBy: 'folder',
    dataDir: '/data',
    freeBytes: 2 ** 30,
    growthBytesPerDay: bytesPerDay,
    daysUntilFull,
    expiredRows: 0,
  };
}

it('does not forecast before there is a full day of data', () => {
  const text = formatReport(createReport(undefined));
  expect(text).toContain('Growth: unknown until a full day of data is stored.\n');
  expect(text).toMatch(/^perfscope: Free: 1 GiB\.$/m);
  expect(text).not.toMatch(/per day,|fill up|will be full/);
});

it('forecasts from full days', () => {
  const idle = formatReport(createReport(0));
  expect(idle).toContain('Growth: 0 B per day, based on full days.');
  expect(idle).toContain('At this rate, the disk will not fill up.');
  expect(formatReport(createReport(2 ** 28, 4))).toContain('The disk will be full in 4.00 days.');
});

it('shows the oldest row of tables whose rows have a time', () => {
  const text = formatReport(createReport(undefined));
  expect(text).toMatch(/^performance_metrics +30 days +2026-11-28 08:30 /m);
  expect(text).toMatch(/^schema_migrations +30 days +– /m);
});
