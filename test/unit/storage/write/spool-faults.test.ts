import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { getGuardFailures } from '../../../../src/core/guard.ts';
import { DroppedRowCounter } from '../../../../src/storage/write/dropped-rows.ts';
import { Spool } from '../../../../src/storage/write/spool.ts';
import {
  type Batch,
  createOrphanedFolderName,
  formatBatchFileName,
} from '../../../../src/storage/write/spool-folders.ts';
import { SpoolSender } from '../../../../src/storage/write/spool-sender.ts';

const faults = vi.hoisted(() => ({
  /** Name of the failing function, with `promises.` or `handle.` for asynchronous functions. */
  functionName: '',
  code: '',
  calls: 0,
}));

vi.mock('node:fs', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs')>();
  // biome-ignore lint/suspicious/noExplicitAny: wraps functions of any type
  type Functions = Record<string, any>;
  const wrap = (prefix: string, functions: Functions): Functions =>
    new Proxy(functions, {
      get(target, name) {
        const value = target[name as string];
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          const isPromise = prefix !== '';
          if (faults.functionName === `${prefix}${String(name)}`) {
            faults.calls++;
            const error = Object.assign(new Error(`${faults.code}: failed`), { code: faults.code });
            if (!isPromise) throw error;
            // A file handle that is never closed would end the process.
            const closing = name === 'close' ? value.apply(target, args) : undefined;
            return Promise.resolve(closing).then(() => Promise.reject(error));
          }
          const result = value.apply(target, args);
          if (prefix !== 'promises.' || name !== 'open') return result;
          return result.then((handle: Functions) => wrap('handle.', handle));
        };
      },
    });
  const promises = wrap('promises.', original.promises);
  const names = Object.keys(original).filter((name) => /^[a-z]/.test(name) && name !== 'promises');
  const sync = wrap('', original);
  return { ...original, ...Object.fromEntries(names.map((name) => [name, sync[name]])), promises };
});

const FUNCTIONS = [
  ...['mkdirSync', 'readdirSync', 'renameSync', 'rmdirSync', 'rmSync', 'lstatSync'],
  'writeFileSync',
  ...['promises.writeFile', 'promises.rename', 'promises.rm', 'promises.open'],
  ...['handle.stat', 'handle.readFile', 'handle.close'],
];
const CODES = [
  ...['EACCES', 'EROFS', 'EIO', 'EBUSY', 'ENOTDIR', 'ENOSPC', 'EMFILE'],
  ...['EPERM', 'ENOENT', 'EEXIST', 'ENOTEMPTY'],
];
const TABLE = 'performance_metrics';
const LINES = Buffer.from(`${TABLE},name=a value=1 1000000\n`.repeat(10));

let folder: string;
let warnings: string[];
let dropped: DroppedRowCounter;
const unhandled: unknown[] = [];
const onUnhandled = (error: unknown) => void unhandled.push(error);
beforeEach(() => {
  process.on('unhandledRejection', onUnhandled);
  faults.functionName = '';
  faults.calls = 0;
  folder = mkdtempSync(join(tmpdir(), 'perfscope-faults-'));
  warnings = [];
  dropped = new DroppedRowCounter();
});
afterEach(async () => {
  faults.functionName = '';
  // Unhandled rejections are reported in a later turn.
  await nextTurn();
  process.off('unhandledRejection', onUnhandled);
  expect(unhandled.splice(0)).toEqual([]);
  rmSync(folder, { recursive: true, force: true });
});

const log = {
  info: () => {},
  warn: (message: string) => void warnings.push(message),
  error: (message: string) => void warnings.push(message),
};

function createSpool(maxBytes = 1_000_000): Spool {
  return new Spool({ dir: join(folder, 'spool'), maxBytes, maxAgeMs: 1e15, dropped, log });
}

function createBatch(lines = LINES): Batch {
  return { table: TABLE, rows: 10, newestMs: 1000, bytes: lines.length, file: undefined, lines };
}

function writeOrphanedBatch(): void {
  const orphaned = join(folder, 'spool', createOrphanedFolderName());
  mkdirSync(orphaned, { recursive: true, mode: 0o700 });
  writeFileSync(join(orphaned, formatBatchFileName(0, createBatch())), LINES, { mode: 0o600 });
  writeFileSync(join(orphaned, 'x.part'), LINES, { mode: 0o600 });
}

/** Uses all methods of a spool. The fault starts after `setup`. */
async function useSpool(fault: { functionName: string; code: string }): Promise<void> {
  writeOrphanedBatch();
  const spool = createSpool();
  await spool.add(createBatch());
  Object.assign(faults, fault);
  spool.adoptOrphanedBatches();
  await spool.add(createBatch());
  spool.addSync(createBatch());
  for (const batch of [...spool.waiting]) {
    if (batch.file) batch.lines = undefined;
    // Another attempt can succeed after these errors, so the sender waits and tries again.
    await spool.read(batch).catch((error) => expect(error.code).toMatch(/EBUSY|ENOSPC|EMFILE/));
  }
  const [first, second] = spool.waiting;
  if (first) await spool.remove([first]);
  if (second) spool.reject(second, LINES);
  for (let i = 0; i < 3; i++) spool.addSync(createBatch());
  spool.enforceLimits(1e16);
  expect(spool.waiting).toEqual([]);
  spool.addSync(createBatch());
  spool.close();
}

it.each(FUNCTIONS.flatMap((functionName) => CODES.map((code) => ({ functionName, code }))))(
  'never throws if $functionName fails with $code',
  async (fault) => {
    await useSpool(fault);
    expect(faults.calls).toBeGreaterThan(0);
    // One line per kind of failure, and none that asks the user to report a bug.
    expect(new Set(warnings).size).toBe(warnings.length);
    expect(warnings.length).toBeLessThan(8);
    expect(warnings.filter((line) => line.includes('maintainers'))).toEqual([]);
  },
);

it.each(FUNCTIONS.flatMap((functionName) => CODES.map((code) => ({ functionName, code }))))(
  'the sender never rejects if $functionName fails with $code',
  async (fault) => {
    writeOrphanedBatch();
    const spool = createSpool();
    spool.adoptOrphanedBatches();
    Object.assign(faults, fault);
    const target = () => ({ url: 'http://127.0.0.1:1' });
    const sender = new SpoolSender({ spool, target, ensureTables: async () => {}, log });
    await sender.sendAll();
    await sender.close();
  },
);

it('counts failures, and drops rows at the limit although files cannot be deleted', async () => {
  const failures = getGuardFailures().get('the spool') ?? 0;
  const spool = createSpool(5 * LINES.length);
  for (let i = 0; i < 5; i++) await spool.add(createBatch());
  Object.assign(faults, { functionName: 'rmSync', code: 'EROFS' });
  for (let i = 0; i < 5; i++) await spool.add(createBatch());
  expect(spool.waitingRows).toBe(50);
  expect([...dropped.byReason]).toEqual([['spool_full', 50]]);
  expect(getGuardFailures().get('the spool')).toBe(failures + 5);
  expect(warnings.filter((line) => line.includes('could not be deleted'))).toHaveLength(1);
});

it('limits the rows that exist only in memory to 16 MB, and keeps the newest', async () => {
  Object.assign(faults, { functionName: 'mkdirSync', code: 'EROFS' });
  const spool = createSpool(1e9);
  const lines = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < 20; i++) await spool.add(createBatch(lines));
  for (let i = 0; i < 20; i++) spool.addSync(createBatch(lines));
  expect(spool.waitingBytes).toBe(16 * 1024 * 1024);
  expect([...dropped.byReason]).toEqual([['memory_full', 240]]);
  expect(warnings.filter((line) => line.includes('rows in memory reached'))).toHaveLength(1);
  expect(warnings.filter((line) => line.includes('is not writable (EROFS'))).toHaveLength(1);
});

it.each(['add', 'addSync'] as const)('writes unsaved rows when %s succeeds again', async (add) => {
  Object.assign(faults, { functionName: 'mkdirSync', code: 'ENOSPC' });
  const spool = createSpool();
  await spool.add(createBatch());
  spool.addSync(createBatch());
  expect(spool.waiting.map(({ file }) => file)).toEqual([undefined, undefined]);
  faults.functionName = '';
  await spool[add](createBatch());
  expect(spool.waiting.every(({ file }) => file !== undefined)).toBe(true);
  spool.close();
  // The next process finds all rows.
  expect(createSpool().adoptOrphanedBatches()).toBe(30);
  expect(dropped.total).toBe(0);
});

it('keeps a batch that cannot be read for the moment, and counts one that never can', async () => {
  writeOrphanedBatch();
  const spool = createSpool();
  spool.adoptOrphanedBatches();
  const [batch] = spool.waiting;
  Object.assign(faults, { functionName: 'promises.open', code: 'EMFILE' });
  await expect(spool.read(batch!)).rejects.toThrow('EMFILE');
  expect(spool.waitingRows).toBe(10);
  faults.code = 'EIO';
  expect(await spool.read(batch!)).toBeUndefined();
  expect(spool.waitingRows).toBe(0);
  expect([...dropped.byReason]).toEqual([['unreadable', 10]]);
});
