import { linkSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { getDiskUsageBytes } from '../../../../src/storage/questdb/table-stats.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-disk-usage-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('adds the blocks of all files, counts links once, and ignores holes and missing folders', async () => {
  mkdirSync(join(folder, 'table/wal1'), { recursive: true });
  writeFileSync(join(folder, 'table/column.d'), Buffer.alloc(1_000_000, 1));
  const bytes = await getDiskUsageBytes(folder);
  expect(bytes).toBeGreaterThanOrEqual(1_000_000);
  expect(bytes).toBeLessThan(1_100_000);
  linkSync(join(folder, 'table/column.d'), join(folder, 'table/wal1/column.d'));
  expect(await getDiskUsageBytes(folder)).toBe(bytes);
  writeFileSync(join(folder, 'table/sparse.d'), '');
  truncateSync(join(folder, 'table/sparse.d'), 50_000_000);
  expect(await getDiskUsageBytes(folder)).toBeLessThan(bytes + 100_000);
  expect(await getDiskUsageBytes(join(folder, 'missing'))).toBe(0);
});
