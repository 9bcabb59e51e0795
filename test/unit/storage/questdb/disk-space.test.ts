import { tmpdir } from 'node:os';
import { expect, it } from 'vitest';
import {
  getMinFreeBytes,
  isDiskLow,
  readDiskSpace,
} from '../../../../src/storage/questdb/disk-space.ts';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

it('reads the free space of a disk', async () => {
  const { freeBytes, totalBytes } = (await readDiskSpace(tmpdir()))!;
  expect(totalBytes).toBeGreaterThan(0);
  expect(freeBytes).toBeLessThanOrEqual(totalBytes);
});

it('returns no free space of a missing folder', async () => {
  expect(await readDiskSpace('/missing/folder')).toBeUndefined();
});

it.each([
  { totalBytes: 1000 * GIB, configured: undefined, expected: 200 * MIB },
  { totalBytes: GIB, configured: undefined, expected: 0.05 * GIB },
  { totalBytes: GIB, configured: GIB, expected: GIB },
  { totalBytes: GIB, configured: 0, expected: 0 },
])('keeps $expected of $totalBytes bytes free', ({ totalBytes, configured, expected }) => {
  expect(getMinFreeBytes(totalBytes, configured)).toBe(expected);
});

it('needs more than the limit before writes continue', () => {
  expect(isDiskLow(100, 100, false)).toBe(false);
  expect(isDiskLow(99, 100, false)).toBe(true);
  expect(isDiskLow(124, 100, true)).toBe(true);
  expect(isDiskLow(125, 100, true)).toBe(false);
  expect(isDiskLow(0, 0, false)).toBe(false);
});
