import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { getGuardFailures } from '../../../../src/core/guard.ts';
import {
  copyAsOrphan,
  createBatch,
  listSegments,
  readValues,
  TestSpool,
} from '../../../support/spool-fixtures.ts';
import { waitFor } from '../../../support/wait-for.ts';

/** The function that fails. With an empty code, its calls are only counted. */
const faults = vi.hoisted(() => ({
  functionName: '',
  code: '',
  calls: 0,
  firstArguments: [] as unknown[],
}));

vi.mock('node:fs', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs')>();
  const wrap = (name: string, fn: unknown) => {
    if (typeof fn !== 'function' || !/^[a-z]/.test(name)) return fn;
    return (...args: unknown[]) => {
      if (faults.functionName !== name) return fn(...args);
      faults.calls++;
      faults.firstArguments.push(args[0]);
      if (faults.code === '') return fn(...args);
      const error = Object.assign(new Error(`${faults.code}: failed`), { code: faults.code });
      const callback = args.at(-1);
      if (typeof callback !== 'function') throw error;
      // A file that is never closed would stay open until the tests end.
      if (name === 'close') return fn(args[0], () => callback(error));
      return setImmediate(() => callback(error));
    };
  };
  const entries = Object.entries(original).map(([name, fn]) => [name, wrap(name, fn)]);
  return Object.fromEntries(entries);
});

const FUNCTIONS = [
  ...['mkdirSync', 'readdirSync', 'renameSync', 'rmdirSync', 'rmSync', 'lstatSync'],
  ...['openSync', 'writevSync', 'ftruncateSync', 'fstatSync'],
  ...['open', 'writev', 'read', 'fstat', 'rm', 'close'],
];
const CODES = [
  ...['EACCES', 'EROFS', 'EIO', 'EBUSY', 'ENOTDIR', 'ENOSPC', 'EMFILE', 'ENOMEM', 'EISDIR'],
  ...['EPERM', 'EEXIST', 'ENOTEMPTY'],
];

let folder: string;
const unhandled: unknown[] = [];
const onUnhandled = (error: unknown) => void unhandled.push(error);
beforeEach(() => {
  process.on('unhandledRejection', onUnhandled);
  // A segment that could not be read is read again after some seconds.
  vi.useFakeTimers({ toFake: ['performance'] });
  folder = mkdtempSync(join(tmpdir(), 'perfscope-faults-'));
});
afterEach(async () => {
  vi.useRealTimers();
  // Unhandled rejections are reported in a later turn.
  await nextTurn();
  process.off('unhandledRejection', onUnhandled);
  expect(unhandled.splice(0)).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
});

/** Adds rows with the values 0 to 3 as the rows of killed processes. */
async function writeOrphans(dir: string): Promise<void> {
  const killed = new TestSpool({ dir: `${dir}-killed` });
  await killed.add(createBatch(0));
  await killed.add(createBatch(1));
  copyAsOrphan(`${dir}-killed`, dir);
  killed.close();
  const old = join(dir, '4194305-0-0123abcd');
  mkdirSync(old, { recursive: true, mode: 0o700 });
  const name = `000000000000.performance_metrics.2.${Date.now()}.ilp`;
  writeFileSync(join(old, name), createBatch(2, 2).lines, { mode: 0o600 });
}

/** Uses all methods of a spool, and returns the values that were read. */
async function useSpool(spool: TestSpool): Promise<number[]> {
  const values: number[] = [];
  await spool.adopt();
  await spool.add(createBatch(4));
  spool.addSync(createBatch(5));
  for (let i = 0; i < 3; i++) {
    const reading = await spool.read(1).catch(() => undefined);
    if (!reading) continue;
    values.push(...readValues(reading.batches));
    spool.remove(reading);
  }
  await spool.add(createBatch(6));
  return values;
}

it.each(FUNCTIONS)('loses no rows if %s fails', async (functionName) => {
  for (const code of CODES) {
    const dir = join(folder, code);
    await writeOrphans(dir);
    const spool = new TestSpool({ dir, maxBytes: 2000 });
    await spool.add(createBatch(7));
    Object.assign(faults, { functionName, code });
    const values = await useSpool(spool);
    faults.functionName = '';
    for (let i = 0; i < 3; i++) {
      vi.advanceTimersByTime(10_000);
      await spool.adopt();
      values.push(...(await spool.drain()));
    }
    expect([...new Set(values)].sort(), code).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(spool.dropped.total, code).toBe(0);
    spool.close();
  }
});

it('fails in all of these functions', async () => {
  // Prevents that a renamed function makes the tests above useless.
  const unused: string[] = [];
  for (const functionName of FUNCTIONS) {
    const dir = join(folder, functionName);
    await writeOrphans(dir);
    const spool = new TestSpool({ dir, maxBytes: 2000 });
    Object.assign(faults, { functionName, code: 'EIO', calls: 0 });
    await useSpool(spool);
    for (let i = 0; i < 60; i++) await spool.add(createBatch(i));
    if (faults.calls === 0) unused.push(functionName);
    faults.functionName = '';
    spool.close();
  }
  // Called only after a failed write.
  expect(unused).toEqual(['ftruncateSync']);
});

it('counts the rows of a file that is deleted while it is read', async () => {
  const dir = join(folder, 'spool');
  await writeOrphans(dir);
  const spool = new TestSpool({ dir });
  await spool.adopt();
  Object.assign(faults, { functionName: 'open', code: 'ENOENT' });
  const values = await spool.drain();
  faults.functionName = '';
  expect(values.length + spool.dropped.byReason.get('missing')!).toBe(4);
  spool.close();
});

it('counts failed file operations', async () => {
  const before = getGuardFailures().get('the spool') ?? 0;
  Object.assign(faults, { functionName: 'openSync', code: 'EIO' });
  const spool = new TestSpool({ dir: join(folder, 'spool') });
  await spool.add(createBatch(0));
  faults.functionName = '';
  expect(getGuardFailures().get('the spool')).toBeGreaterThan(before);
  expect(spool.warnings).toHaveLength(1);
  spool.close();
});

it.each([
  ['rows', 'fsync'],
  ['file names', 'open'],
])('writes the %s of servers to the disk within seconds, but not of services', async (_, name) => {
  // The failure shows that the function was called.
  Object.assign(faults, { functionName: name, code: 'EIO', calls: 0 });
  const service = new TestSpool({ dir: join(folder, 'service') });
  const server = new TestSpool({ dir: join(folder, 'server'), isServer: true });
  await service.add(createBatch(0));
  await server.add(createBatch(1));
  await waitFor(async () => server.warnings.length > 0);
  expect(server.warnings.join()).toContain('could not be written (EIO: failed)');
  expect(service.warnings).toEqual([]);
  service.close();
  server.close();
  faults.functionName = '';
});

it.each([
  // The content of the segment, and the names of two folders.
  ['rows', 'fsync', 3],
  ['file names', 'open', 2],
])('writes the %s of servers to the disk again after a failure', async (_, name, calls) => {
  Object.assign(faults, { functionName: name, code: 'EIO', calls: 0 });
  const spool = new TestSpool({ dir: join(folder, 'server'), isServer: true });
  await spool.add(createBatch(0));
  await waitFor(async () => spool.warnings.join().includes('could not be written'));
  Object.assign(faults, { code: '', calls: 0 });
  expect(await waitFor(async () => faults.calls === calls)).toBe(true);
  spool.close();
  faults.functionName = '';
});

it('writes complete segments to the disk after a failure', async () => {
  Object.assign(faults, { functionName: 'fsync', code: 'EIO', calls: 0 });
  const dir = join(folder, 'server');
  const spool = new TestSpool({ dir, isServer: true, maxBytes: 4000 });
  for (let i = 0; i < 12; i++) await spool.add(createBatch(i));
  await waitFor(async () => spool.warnings.join().includes('could not be written'));
  const segments = listSegments(dir).length;
  expect(segments).toBeGreaterThan(2);
  Object.assign(faults, { code: '', calls: 0 });
  // For each segment: its content, and the names of two folders.
  expect(await waitFor(async () => faults.calls >= 3 * segments)).toBe(true);
  spool.close();
  faults.functionName = '';
});

it('reads segments that can not be renamed or opened again', async () => {
  // For example, after the process has dropped its privileges.
  const spool = new TestSpool({ dir: join(folder, 'spool'), maxBytes: 4000 });
  Object.assign(faults, { functionName: 'renameSync', code: '' });
  await spool.add(createBatch(0));
  faults.code = 'EACCES';
  for (let i = 1; i < 12; i++) await spool.add(createBatch(i));
  Object.assign(faults, { functionName: 'open', firstArguments: [] });
  expect(await spool.drain()).toEqual(Array.from({ length: 12 }, (_, i) => i));
  faults.functionName = '';
  // In the background, the spool also opens its folders, to write the names of files to the disk.
  const isSegment = (path: unknown) => String(path).endsWith('.segment');
  expect(faults.firstArguments.filter(isSegment)).toEqual([]);
  spool.close();
});

it('gives up the folder that it left after a failure when its rows are stored', async () => {
  const dir = join(folder, 'spool');
  const spool = new TestSpool({ dir });
  await spool.add(createBatch(0));
  const [left = ''] = readdirSync(dir);
  Object.assign(faults, { functionName: 'fstatSync', code: 'EACCES' });
  await spool.add(createBatch(1));
  faults.functionName = '';
  await spool.add(createBatch(2));
  expect(readdirSync(dir)).toHaveLength(2);
  expect((await spool.drain()).sort()).toEqual([0, 1, 2]);
  expect(readdirSync(dir)).toContain(left);
  vi.advanceTimersByTime(61_000);
  await waitFor(async () => !readdirSync(dir).includes(left));
  expect(readdirSync(dir)).toHaveLength(1);
  spool.close();
});
