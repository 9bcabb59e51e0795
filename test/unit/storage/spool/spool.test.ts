import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  copyAsOrphan,
  createBatch,
  listSegments,
  listWaitingSegments,
  ORPHAN_NAME,
  readValues,
  TestSpool,
} from '../../../support/spool-fixtures.ts';
import { waitFor } from '../../../support/wait-for.ts';

let folder: string;
let dir: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-spool-'));
  dir = join(folder, 'spool');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

async function addBatches(spool: TestSpool, count: number, first = 0): Promise<void> {
  for (let i = 0; i < count; i++) await spool.add(createBatch(first + i));
}

describe('reading', () => {
  it('returns the batches in the order in which they were added', async () => {
    const spool = new TestSpool({ dir });
    await addBatches(spool, 5);
    spool.addSync(createBatch(5));
    expect(spool.waitingRows).toBe(6);
    expect(await spool.drain(100)).toEqual(numbers(6));
    expect(spool.waitingRows).toBe(0);
    expect(spool.waitingBytes).toBe(0);
    spool.close();
  });

  it('returns the same batches until they are removed', async () => {
    const spool = new TestSpool({ dir });
    await addBatches(spool, 2);
    const first = (await spool.read(1))!;
    await spool.add(createBatch(2));
    expect(await spool.read(1_000_000)).toBe(first);
    spool.remove(first);
    spool.remove(first);
    expect(await spool.drain()).toEqual([1, 2]);
    spool.close();
  });

  it('reads across several segments', async () => {
    const spool = new TestSpool({ dir, maxBytes: 4000 });
    await addBatches(spool, 12);
    expect(listSegments(dir).length).toBeGreaterThan(2);
    expect(await spool.drain()).toEqual(numbers(12));
    spool.close();
  });

  it('knows since when rows have been waiting', async () => {
    const spool = new TestSpool({ dir });
    expect(spool.oldestWaitingMs).toBeUndefined();
    const startMs = Date.now();
    await spool.add(createBatch(0));
    expect(spool.oldestWaitingMs).toBeGreaterThanOrEqual(startMs);
    await spool.drain();
    expect(spool.oldestWaitingMs).toBeUndefined();
    spool.close();
  });
});

describe('sending again', () => {
  it('returns the rows that were acknowledged in the last minute', async () => {
    const spool = new TestSpool({ dir, maxBytes: 4000 });
    await addBatches(spool, 12);
    expect(await spool.drain()).toEqual(numbers(12));
    spool.resendAcknowledged();
    expect(spool.waitingRows).toBe(12);
    expect(await spool.drain()).toEqual(numbers(12));
    expect(spool.dropped.total).toBe(0);
    spool.close();
  });

  it('returns the rows of an open reading again', async () => {
    const spool = new TestSpool({ dir });
    await addBatches(spool, 3);
    for (let i = 0; i < 2; i++) {
      const reading = (await spool.read(1))!;
      spool.resendAcknowledged();
      spool.remove(reading);
      spool.remove((await spool.read(1))!);
    }
    spool.resendAcknowledged();
    expect(await spool.drain()).toEqual([0, 1, 2]);
    spool.close();
  });
});

describe('the size limit', () => {
  it('drops the oldest segment and counts its rows', async () => {
    const spool = new TestSpool({ dir, maxBytes: 8000 });
    await addBatches(spool, 200);
    const values = await spool.drain();
    const lost = spool.dropped.byReason.get('spool_full')!;
    expect(lost).toBeGreaterThan(0);
    expect(values).toEqual(numbers(200).slice(lost));
    expect(spool.warnings).toHaveLength(1);
    spool.close();
  });

  it('deletes stored rows before it drops waiting rows', async () => {
    const spool = new TestSpool({ dir, maxBytes: 8000 });
    for (let i = 0; i < 200; i++) {
      await spool.add(createBatch(i));
      expect(await spool.drain()).toEqual([i]);
    }
    expect(spool.dropped.total).toBe(0);
    spool.close();
  });

  it('does not drop the batches that are being sent', async () => {
    const spool = new TestSpool({ dir, maxBytes: 8000 });
    await spool.add(createBatch(0));
    const reading = (await spool.read(1))!;
    await addBatches(spool, 200, 1);
    expect(readValues(reading.batches)).toEqual([0]);
    spool.remove(reading);
    const values = await spool.drain();
    expect(values.length + 1 + spool.dropped.total).toBe(201);
    spool.close();
  });
});

describe('a disk that refuses rows', () => {
  it('keeps the rows that are added while others are sent', async () => {
    writeFileSync(dir, 'a file instead of a folder');
    const spool = new TestSpool({ dir });
    await spool.add(createBatch(0));
    const reading = (await spool.read(1_000_000))!;
    const isHandled = spool.capturePending();
    await spool.add(createBatch(1));
    expect(readValues(reading.batches)).toEqual([0]);
    spool.remove(reading);
    expect(isHandled()).toBe(true);
    expect(await spool.drain()).toEqual([1]);
    spool.close();
  });

  it('keeps the rows in memory, and counts them if the process ends', async () => {
    writeFileSync(dir, 'a file instead of a folder');
    const spool = new TestSpool({ dir });
    await addBatches(spool, 3);
    spool.addSync(createBatch(3));
    expect(readValues((await spool.read(1_000_000))!.batches)).toEqual(numbers(4));
    spool.close();
    expect(spool.dropped.byReason.get('process_exit')).toBe(4);
    // The row writer logs the total.
    expect(spool.warnings.join('\n')).not.toContain('ropped');
    expect(spool.dropped.hasUnreportedRows).toBe(true);
  });

  it('writes the rows to the disk when that is possible again', async () => {
    writeFileSync(dir, 'a file instead of a folder');
    const spool = new TestSpool({ dir });
    await addBatches(spool, 3);
    const isHandled = spool.capturePending();
    rmSync(dir);
    await spool.add(createBatch(3));
    expect(listSegments(dir)).toHaveLength(1);
    expect(isHandled()).toBe(false);
    expect(await spool.drain()).toEqual(numbers(4));
    expect(isHandled()).toBe(true);
    expect(spool.dropped.total).toBe(0);
    spool.close();
  });

  it('writes the rows to the disk although no rows are added', async () => {
    writeFileSync(dir, 'a file instead of a folder');
    const spool = new TestSpool({ dir });
    await addBatches(spool, 3);
    rmSync(dir);
    await waitFor(async () => listSegments(dir).length === 1);
    // A batch that is being written can be read only afterward.
    const read: number[] = [];
    await waitFor(async () => read.push(...(await spool.drain())) >= 3);
    expect(read.sort()).toEqual(numbers(3));
    expect(spool.dropped.total).toBe(0);
    spool.close();
  });

  it('writes rows to the disk while they are being sent, without sending them again', async () => {
    writeFileSync(dir, 'a file instead of a folder');
    const spool = new TestSpool({ dir });
    await addBatches(spool, 3);
    const reading = (await spool.read(1_000_000))!;
    const isHandled = spool.capturePending();
    rmSync(dir);
    await waitFor(async () => listSegments(dir).length === 1);
    expect(await spool.read(1)).toBe(reading);
    expect([spool.waitingRows, isHandled()]).toEqual([3, false]);
    spool.remove(reading);
    expect([spool.waitingRows, isHandled()]).toEqual([0, true]);
    expect(await spool.drain()).toEqual([]);
    spool.resendAcknowledged();
    expect(await spool.drain()).toEqual(numbers(3));
    expect(spool.dropped.total).toBe(0);
    spool.close();
  });

  it('writes the rows to the disk when the process exits', async () => {
    writeFileSync(dir, 'a file instead of a folder');
    const spool = new TestSpool({ dir });
    await addBatches(spool, 3);
    // These rows are being sent.
    expect(readValues((await spool.read(1))!.batches)).toEqual([0]);
    rmSync(dir);
    spool.saveUnsavedSync();
    expect(listSegments(dir)).toHaveLength(1);
    spool.close();
    expect(spool.dropped.total).toBe(0);
    const next = new TestSpool({ dir });
    await next.adopt();
    expect((await next.drain()).sort()).toEqual(numbers(3));
    next.close();
  });

  it('drops the oldest rows if the memory is full', async () => {
    writeFileSync(dir, 'a file instead of a folder');
    const spool = new TestSpool({ dir, maxBytes: 2 ** 30 });
    const large = { ...createBatch(0, 10), lines: Buffer.alloc(6 * 1024 * 1024) };
    for (let i = 0; i < 4; i++) await spool.add({ ...large });
    expect(spool.dropped.byReason.get('memory_full')).toBe(20);
    spool.close();
  });

  it('creates no file for each failed write', async () => {
    const spool = new TestSpool({ dir });
    await spool.add(createBatch(0));
    const before = readdirSync(dir, { recursive: true });
    const [segmentFolder = ''] = readdirSync(dir);
    chmodSync(join(dir, segmentFolder), 0o500);
    for (let i = 1; i < 20; i++) await spool.add(createBatch(i));
    chmodSync(join(dir, segmentFolder), 0o700);
    expect(readdirSync(dir, { recursive: true })).toEqual(before);
    expect(await spool.drain()).toEqual(numbers(20));
    spool.close();
  });
});

describe('files that other programs delete', () => {
  it('sends the rows of the active segment, and starts a new folder', async () => {
    const spool = new TestSpool({ dir });
    await spool.add(createBatch(0));
    rmSync(dir, { recursive: true });
    await spool.add(createBatch(1));
    expect(listSegments(dir)).toHaveLength(1);
    expect(await spool.drain()).toEqual([0, 1]);
    spool.close();
  });

  it('counts the rows of a complete segment', async () => {
    const spool = new TestSpool({ dir, maxBytes: 4000 });
    await addBatches(spool, 12);
    const [oldest = ''] = listSegments(dir);
    const rows = Number(/\.(\d+)\.segment$/.exec(oldest)![1]);
    rmSync(join(dir, oldest));
    expect(await spool.drain()).toEqual(numbers(12).slice(rows));
    expect(spool.dropped.byReason.get('missing')).toBe(rows);
    spool.close();
  });
});

describe('concurrent calls', () => {
  it('stores all batches that are added at the same time', async () => {
    const spool = new TestSpool({ dir, maxBytes: 20_000 });
    const added = numbers(50).map((i) => spool.add(createBatch(i)));
    spool.addSync(createBatch(50));
    const values: number[] = [];
    while (values.length < 51) {
      values.push(...(await spool.drain(100)));
      await nextTurn();
    }
    await Promise.all(added);
    expect(values.toSorted((a, b) => a - b)).toEqual(numbers(51));
    expect(spool.dropped.total).toBe(0);
    spool.close();
  });

  it('closes no file that is being written', async () => {
    const spool = new TestSpool({ dir });
    const added = spool.add(createBatch(0, 1000));
    // The record is written after the first microtasks.
    await Promise.resolve();
    spool.close();
    // With the descriptor of the segment, the record would be written to this file.
    const file = join(folder, 'other');
    const fd = openSync(file, 'w+');
    await added;
    closeSync(fd);
    expect(readFileSync(file)).toHaveLength(0);
    const next = new TestSpool({ dir });
    await next.adopt();
    expect(await next.drain()).toEqual(numbers(1000));
    next.close();
  });
});

it('completes a running append in place when the process exits', async () => {
  const spool = new TestSpool({ dir });
  const batch = createBatch(0, 3);
  const adding = spool.add(batch);
  // The write starts in the next turns.
  await Promise.resolve();
  await Promise.resolve();
  spool.addSync(batch);
  const [file = ''] = listSegments(dir);
  const copies = readFileSync(join(dir, file), 'latin1').split('value=0').length - 1;
  await adding;
  expect([copies, spool.waitingRows]).toEqual([1, 3]);
  expect(await spool.drain()).toEqual([0, 1, 2]);
  spool.close();
});

describe('adoption', () => {
  it('deletes a folder whose process was killed while it created the folder', async () => {
    const [abandoned, recent] = ['new-1-00000000', 'new-2-00000000'] as const;
    for (const name of [abandoned, recent]) {
      mkdirSync(join(dir, name), { recursive: true });
      writeFileSync(join(dir, name, 'owner'), '');
    }
    const minuteAgo = Date.now() / 1000 - 61;
    utimesSync(join(dir, abandoned), minuteAgo, minuteAgo);
    const spool = new TestSpool({ dir });
    await spool.adopt();
    expect(readdirSync(dir)).toEqual([recent]);
    spool.close();
  });

  it('counts damaged rows once, although rows are sent again', async () => {
    const killed = new TestSpool({ dir: join(folder, 'other') });
    for (let i = 0; i < 3; i++) await killed.add(createBatch(i * 10, 10));
    killed.close();
    const orphan = copyAsOrphan(join(folder, 'other'), dir);
    const [file = ''] = listSegments(orphan);
    const data = readFileSync(join(orphan, file));
    data[100]! ^= 1;
    writeFileSync(join(orphan, file), data);
    const spool = new TestSpool({ dir });
    await spool.adopt();
    for (let i = 0; i < 3; i++) {
      expect(await spool.drain(1)).toHaveLength(20);
      spool.resendAcknowledged();
    }
    expect(spool.dropped.byReason.get('damaged')).toBe(10);
    spool.close();
  });

  it('deletes a file without a complete header', async () => {
    const orphan = join(dir, ORPHAN_NAME);
    mkdirSync(orphan, { recursive: true, mode: 0o700 });
    const name = '001795800000000-5f1d8a0c9e3b7d42.segment';
    writeFileSync(join(orphan, name), Buffer.from('5f1d8a0c9e3b', 'hex'), { mode: 0o600 });
    writeFileSync(join(orphan, 'checkpoint.part'), 'x', { mode: 0o600 });
    const spool = new TestSpool({ dir });
    expect(await spool.adopt()).toBe(0);
    expect(spool.capturePending()()).toBe(true);
    expect(readdirSync(dir)).not.toContain(ORPHAN_NAME);
    expect(spool.warnings.join()).toContain('is damaged');
    spool.close();
  });

  it('keeps the segments of a process whose checkpoint can not be read now', async () => {
    const killed = new TestSpool({ dir: join(folder, 'other') });
    await killed.add(createBatch(1));
    const orphan = copyAsOrphan(join(folder, 'other'), dir);
    writeFileSync(join(orphan, 'checkpoint'), 'x', { mode: 0o600 });
    let fails = true;
    const readCheckpoint = async () => {
      if (fails) throw Object.assign(new Error('EIO: failed'), { code: 'EIO' });
      return [createBatch(0)];
    };
    const spool = new TestSpool({ dir, readCheckpoint });
    expect(await spool.adopt()).toBe(0);
    fails = false;
    expect(await spool.adopt()).toBe(2);
    expect(await spool.drain()).toEqual([0, 1]);
    killed.close();
    spool.close();
  });

  it('takes over the rows of a killed process', async () => {
    const killed = new TestSpool({ dir: join(folder, 'other') });
    await addBatches(killed, 3);
    copyAsOrphan(join(folder, 'other'), dir);
    const spool = new TestSpool({ dir });
    await spool.add(createBatch(3));
    expect(await spool.adopt()).toBe(3);
    // Segments of different processes from the same millisecond have no order.
    expect((await spool.drain()).sort()).toEqual(numbers(4));
    expect(readdirSync(dir)).toHaveLength(1);
    killed.close();
    spool.close();
    expect(listWaitingSegments(dir)).toEqual([]);
  });

  it('leaves the rows of running processes alone', async () => {
    const running = new TestSpool({ dir });
    await addBatches(running, 3);
    const spool = new TestSpool({ dir });
    expect(await spool.adopt()).toBe(0);
    running.close();
    expect(await spool.adopt()).toBe(3);
    expect(await spool.drain()).toEqual(numbers(3));
    spool.close();
  });

  it('takes over nothing more after it was closed', async () => {
    const killed = new TestSpool({ dir: join(folder, 'other') });
    await addBatches(killed, 3);
    copyAsOrphan(join(folder, 'other'), dir);
    const closed = new TestSpool({ dir });
    const adopting = closed.adopt();
    closed.close();
    expect(await adopting).toBe(0);
    const spool = new TestSpool({ dir });
    expect(await spool.adopt()).toBe(3);
    for (const each of [killed, spool]) each.close();
  });

  it('gives each segment to one of several processes', async () => {
    const killed = new TestSpool({ dir: join(folder, 'other'), maxBytes: 4000 });
    await addBatches(killed, 12);
    copyAsOrphan(join(folder, 'other'), dir);
    const spools = [1, 2, 3].map(() => new TestSpool({ dir }));
    const rows = await Promise.all(spools.map((spool) => spool.adopt()));
    expect(rows.reduce((total, each) => total + each, 0)).toBe(12);
    const values = await Promise.all(spools.map((spool) => spool.drain()));
    expect(values.flat().sort((a, b) => a - b)).toEqual(numbers(12));
    for (const spool of [...spools, killed]) spool.close();
  });

  it('stops at the size limit, and continues later', async () => {
    const killed = new TestSpool({ dir: join(folder, 'other'), maxBytes: 20_000 });
    await addBatches(killed, 100);
    copyAsOrphan(join(folder, 'other'), dir);
    const spool = new TestSpool({ dir, maxBytes: 6000 });
    const values: number[] = [];
    for (let i = 0; i < 10 && values.length < 100; i++) {
      await spool.adopt();
      values.push(...(await spool.drain()));
    }
    expect(values).toEqual(numbers(100));
    expect(spool.dropped.total).toBe(0);
    killed.close();
    spool.close();
  });

  it('counts the rows that a truncated file lacks', async () => {
    const killed = new TestSpool({ dir: join(folder, 'other') });
    for (let i = 0; i < 5; i++) await killed.add(createBatch(i * 10, 10));
    killed.close();
    const orphan = copyAsOrphan(join(folder, 'other'), dir);
    const [file = ''] = listSegments(orphan);
    expect(file).toContain('.50.segment');
    truncateSync(join(orphan, file), 1000);
    const spool = new TestSpool({ dir });
    expect(await spool.adopt()).toBe(50);
    const values = await spool.drain();
    expect(values).toEqual(numbers(values.length));
    expect(values.length + spool.dropped.byReason.get('damaged')!).toBe(50);
    expect(spool.warnings.join('\n')).toContain('is damaged');
    spool.close();
  });

  it('reports an empty file', async () => {
    const orphan = join(dir, ORPHAN_NAME);
    mkdirSync(orphan, { recursive: true, mode: 0o700 });
    const name = '001795800000000-5f1d8a0c9e3b7d42.12.segment';
    writeFileSync(join(orphan, name), '', { mode: 0o600 });
    const spool = new TestSpool({ dir });
    await spool.adopt();
    expect(await spool.drain()).toEqual([]);
    expect(spool.dropped.byReason.get('damaged')).toBe(12);
    expect(existsSync(orphan)).toBe(false);
    spool.close();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('reads the files of earlier versions', async () => {
    const old = join(dir, '4194305-0-0123abcd');
    mkdirSync(old, { recursive: true, mode: 0o700 });
    const { lines, newestMs } = createBatch(0, 3);
    const name = `000000000000.performance_metrics.3.${newestMs}.ilp`;
    writeFileSync(join(old, name), lines, { mode: 0o600 });
    const spool = new TestSpool({ dir });
    expect(await spool.adopt()).toBe(3);
    expect(await spool.drain()).toEqual([0, 1, 2]);
    spool.close();
    expect(listWaitingSegments(dir)).toEqual([]);
  });

  it('sets aside rows of a table that services must not write', async () => {
    const service = new TestSpool({ dir });
    await service.add(createBatch(0, 1, 'api_keys'));
    await service.add(createBatch(1));
    service.close();
    const server = new TestSpool({ dir, isServer: true });
    await server.adopt();
    // Another server finds the rows after the first one was killed.
    expect(listSegments(join(dir, 'server')).join()).toContain('.shared.');
    expect(await server.drain()).toEqual([1]);
    expect(server.deadLetters).toEqual([
      { table: 'api_keys', rows: 1, reason: "services can't write to api_keys" },
    ]);
    server.close();
  });
});

describe('closing', () => {
  async function leaveStoredRows(count: number): Promise<void> {
    const spool = new TestSpool({ dir });
    await addBatches(spool, count);
    await spool.drain();
    spool.close();
  }

  async function adoptAfter(ms: number): Promise<number[]> {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + ms });
    const spool = new TestSpool({ dir });
    await spool.adopt();
    const values = await spool.drain();
    vi.useRealTimers();
    spool.close();
    return values;
  }

  it('deletes the folder if it contains no rows', async () => {
    const spool = new TestSpool({ dir });
    spool.getFolder();
    spool.close();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('keeps stored rows for a minute, without sending them again', async () => {
    await leaveStoredRows(3);
    const files = listSegments(dir);
    expect(files).toEqual([expect.stringMatching(/\.3\.stored\.segment$/)]);
    expect(await adoptAfter(50_000)).toEqual([]);
    expect(listSegments(dir)).toEqual(files);
    expect(await adoptAfter(61_000)).toEqual([]);
    expect(readdirSync(dir)).toEqual([]);
  });

  it('keeps stored rows that it has taken over for a minute', async () => {
    const spool = new TestSpool({ dir: join(folder, 'other') });
    await addBatches(spool, 3);
    copyAsOrphan(join(folder, 'other'), dir);
    expect(await adoptAfter(0)).toEqual(numbers(3));
    expect(listSegments(dir)).toHaveLength(1);
    expect(await adoptAfter(61_000)).toEqual([]);
    expect(readdirSync(dir)).toEqual([]);
    spool.close();
  });

  it('marks the rows that it handled before it ended, so that they are not counted again', async () => {
    const spool = new TestSpool({ dir });
    await addBatches(spool, 2);
    await spool.drain();
    await spool.add(createBatch(2));
    spool.close();
    expect(listSegments(dir)).toEqual([expect.stringMatching(/\.handled-\d+-2\.3\.segment$/)]);
    const next = new TestSpool({ dir });
    await next.adopt();
    const handled = (await next.read(1_000_000))!;
    expect([handled.isRepeated, readValues(handled.batches)]).toEqual([true, [0, 1]]);
    next.remove(handled);
    const waiting = (await next.read(1_000_000))!;
    expect([waiting.isRepeated, readValues(waiting.batches)]).toEqual([false, [2]]);
    next.close();
    // The second process handled the same rows as the first.
    expect(listSegments(dir)).toEqual([expect.stringMatching(/\.handled-\d+-2\.3\./)]);
  });

  it('sends stored rows again after a restart of the machine', async () => {
    await leaveStoredRows(3);
    const years = 10 * 365 * 24 * 3_600_000;
    expect(await adoptAfter(years)).toEqual(numbers(3));
  });

  it('can be used again', async () => {
    const spool = new TestSpool({ dir });
    await spool.add(createBatch(0));
    spool.close();
    await spool.add(createBatch(1));
    expect(await spool.drain()).toEqual([1]);
    expect(await spool.adopt()).toBe(1);
    expect(await spool.drain()).toEqual([0]);
    spool.close();
    expect(listWaitingSegments(dir)).toEqual([]);
  });
});
