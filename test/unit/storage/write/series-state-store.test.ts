import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { OtelNumberPoint } from '../../../../src/core/otel/metric-data.ts';
import type { ConvertedPoint } from '../../../../src/core/otel/series/cumulative-to-delta.ts';
import { getSpoolRoot } from '../../../../src/storage/spool/spool-adoption.ts';
import {
  STATE_SNAPSHOT_FILE,
  UNFINISHED_STATE_SNAPSHOT_FILE,
} from '../../../../src/storage/spool/spool-owner.ts';
import {
  openSeriesStateStore,
  type SeriesStateStore,
} from '../../../../src/storage/write/series-state-store.ts';
import { createBatch, ORPHAN_NAME, TestSpool } from '../../../support/spool-fixtures.ts';
import { waitFor } from '../../../support/wait-for.ts';

const MINUTE_MS = 60_000;
/** Longer than the time for which unknown series are stored from their start. */
const STEP_MS = 20 * MINUTE_MS;

let folder: string;
let startMs: number;
let nowMs: number;
let spools: TestSpool[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-states-'));
  startMs = Date.now() - 10 * STEP_MS;
  nowMs = startMs;
  // Snapshots and the deletion of acknowledged segments wait for these timers.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
  for (const spool of spools) spool.close();
  spools = [];
  rmSync(folder, { recursive: true, force: true });
});

/** The storage of one server process. */
class Server {
  readonly dir: string;
  readonly warnings: string[] = [];
  readonly states: SeriesStateStore;
  readonly spool: TestSpool;

  constructor(name: string) {
    this.dir = join(folder, name);
    const warn = (message: string) => void this.warnings.push(message);
    const log = { info: () => {}, warn, error: warn };
    this.states = openSeriesStateStore({ log, now: () => nowMs });
    this.spool = new TestSpool({ dir: this.dir, isServer: true, states: this.states });
    spools.push(this.spool);
  }

  static async start(name: string): Promise<Server> {
    const server = new Server(name);
    server.states.connect({
      root: getSpoolRoot(server.dir, true),
      getFolder: () => server.spool.getFolder(),
      sync: () => server.spool.sync(),
    });
    await server.states.ready;
    return server;
  }

  /** Receives the value of a counter at a step. */
  async receive(
    key: string,
    step: number,
    value: number,
  ): Promise<ConvertedPoint<OtelNumberPoint>> {
    const timeMs = startMs + step * STEP_MS;
    nowMs = Math.max(nowMs, timeMs);
    const transaction = this.states.series.begin(nowMs);
    const point = { attributes: {}, startTimeMs: startMs, timeMs, value };
    const converted = transaction.convertNumber(key, point);
    const state = transaction.encode();
    const batches = converted.kind === 'delta' ? [createBatch(converted.point.value)] : [];
    if (state || batches.length > 0) {
      await this.spool.addDurably({ batches, rows: batches.length, state });
    }
    transaction.commit();
    return converted;
  }

  async writeSnapshot(): Promise<void> {
    const before = this.states.keptNumber;
    vi.advanceTimersByTime(16_000);
    await waitFor(async () => this.states.keptNumber > before);
  }

  get path(): string {
    return this.spool.getFolder();
  }

  /** Segments by their creation time and nonce, which never change. */
  get segmentIds(): string[] {
    return this.segments.map((name) => name.split('.')[0]!).sort();
  }

  get segments(): string[] {
    return readdirSync(this.path).filter((name) => name.endsWith('.segment'));
  }

  /** Copies the files as if the process had been killed. `name` is the name of the next server. */
  kill(name: string, folderName = ORPHAN_NAME): string {
    const orphan = join(getSpoolRoot(join(folder, name), true), folderName);
    mkdirSync(orphan, { recursive: true, mode: 0o700 });
    for (const file of [...this.segments, STATE_SNAPSHOT_FILE]) {
      const path = join(this.path, file);
      if (existsSync(path)) cpSync(path, join(orphan, file));
    }
    return orphan;
  }
}

/** The delta between two steps. */
function delta(fromStep: number, value: number): object {
  const startTimeMs = startMs + fromStep * STEP_MS;
  return { kind: 'delta', startTimeMs, point: { value, startTimeMs } };
}

const BASELINE = { kind: 'ignored', reason: 'baseline' };

/** Receives the last request again, and then the next one. */
async function expectContinued(server: Server): Promise<void> {
  expect(await server.receive('orders', 2, 10)).toMatchObject(delta(1, 6));
  expect(await server.receive('orders', 3, 15)).toMatchObject(delta(2, 5));
  expect(server.spool.dropped.total).toBe(0);
}

async function startFirst(): Promise<Server> {
  const server = await Server.start('first');
  expect(await server.receive('orders', 1, 4)).toMatchObject(delta(0, 4));
  return server;
}

it('continues after a crash without a snapshot', async () => {
  const first = await startFirst();
  expect(await first.receive('orders', 2, 10)).toMatchObject(delta(1, 6));
  const orphan = first.kill('second');
  rmSync(join(orphan, STATE_SNAPSHOT_FILE));
  const second = await Server.start('second');
  await expectContinued(second);
  // It is not known whether this series had points before.
  expect(await second.receive('visits', 3, 7)).toMatchObject(BASELINE);
  expect(second.warnings).toEqual([expect.stringContaining('the file is missing')]);
});

it('continues after a crash with a snapshot and newer records', async () => {
  const first = await startFirst();
  await first.receive('visits', 1, 3);
  await first.writeSnapshot();
  expect(await first.receive('orders', 2, 10)).toMatchObject(delta(1, 6));
  first.kill('second');
  const second = await Server.start('second');
  await expectContinued(second);
  expect(await second.receive('visits', 3, 8)).toMatchObject(delta(1, 5));
  // All series since the start of the first server are known.
  expect(await second.receive('clicks', 3, 7)).toMatchObject(delta(0, 7));
  expect(second.warnings).toEqual([]);
});

it('continues with the records if the snapshot is damaged, at every sampled byte', async () => {
  const first = await startFirst();
  await first.writeSnapshot();
  expect(await first.receive('orders', 2, 10)).toMatchObject(delta(1, 6));
  const { length } = readFileSync(join(first.path, STATE_SNAPSHOT_FILE));
  for (let offset = 0; offset < length; offset += 11) {
    const orphan = first.kill(`second-${offset}`);
    const path = join(orphan, STATE_SNAPSHOT_FILE);
    const data = readFileSync(path);
    data[offset]! ^= 8;
    writeFileSync(path, offset % 2 === 0 ? data : data.subarray(0, offset));
    const second = await Server.start(`second-${offset}`);
    await expectContinued(second);
    expect(await second.receive('visits', 3, 7)).toMatchObject(BASELINE);
    expect(second.warnings).toEqual([expect.stringContaining('the file is damaged')]);
  }
});

it('continues with the states of acknowledged segments', async () => {
  const first = await startFirst();
  expect(await first.receive('orders', 2, 10)).toMatchObject(delta(1, 6));
  expect(await first.spool.drain()).toEqual([4, 6]);
  first.kill('second');
  const second = await Server.start('second');
  await expectContinued(second);
});

it('deletes acknowledged segments only when a snapshot contains their states', async () => {
  const first = await startFirst();
  const unfinished = join(first.path, UNFINISHED_STATE_SNAPSHOT_FILE);
  mkdirSync(unfinished);
  expect(await first.receive('orders', 2, 10)).toMatchObject(delta(1, 6));
  // Each batch needs a new segment.
  for (let i = 0; i < 2; i++) await first.spool.add(createBatch(1000, 3000));
  await first.spool.drain();
  const [withStates, withoutStates, active] = first.segmentIds;
  await waitFor(async () => {
    vi.advanceTimersByTime(10_000);
    return !first.segmentIds.includes(withoutStates!);
  });
  expect(first.segmentIds).toEqual([withStates, active]);
  first.kill('second');
  await expectContinued(await Server.start('second'));
  rmdirSync(unfinished);
  await waitFor(async () => {
    vi.advanceTimersByTime(10_000);
    return !first.segmentIds.includes(withStates!);
  });
  first.kill('third');
  await expectContinued(await Server.start('third'));
});

it('stores no series from its start if one of several snapshots is damaged', async () => {
  const first = await startFirst();
  const other = await Server.start('other');
  await other.receive('visits', 1, 3);
  first.kill('second');
  const orphan = other.kill('second', 'spool-1-4567cdef');
  const path = join(orphan, STATE_SNAPSHOT_FILE);
  writeFileSync(path, readFileSync(path).subarray(0, -1));
  const second = await Server.start('second');
  expect(await second.receive('visits', 3, 8)).toMatchObject(delta(1, 5));
  expect(await second.receive('clicks', 3, 7)).toMatchObject(BASELINE);
});

it('leaves the states of a running server alone', async () => {
  const first = await startFirst();
  const second = await Server.start('first');
  // Servers do not share their series, so this one does not continue the other's values.
  expect(await second.receive('orders', 3, 15)).toMatchObject(BASELINE);
  expect(await first.receive('orders', 3, 15)).toMatchObject(delta(1, 11));
});

it('takes over the states of a killed server, and keeps them for its next start', async () => {
  const first = await startFirst();
  expect(await first.receive('orders', 2, 10)).toMatchObject(delta(1, 6));
  const other = await Server.start('shared');
  first.kill('shared');
  expect(await other.spool.adopt()).toBe(2);
  expect(await other.spool.drain()).toEqual([4, 6]);
  await other.writeSnapshot();
  // Only the snapshot of the other server contains them now.
  for (const name of other.segments) rmSync(join(other.path, name));
  const second = await Server.start('shared');
  await expectContinued(second);
  // The other server did not receive these series.
  expect(await other.receive('orders', 3, 15)).toMatchObject(BASELINE);
});

it('deletes segments with states last when the spool reaches its limit', async () => {
  const first = await startFirst();
  expect(await first.receive('orders', 2, 10)).toMatchObject(delta(1, 6));
  for (let i = 0; i < 2; i++) await first.spool.add(createBatch(1000, 3000));
  await first.spool.drain();
  const [withStates, ...later] = first.segmentIds;
  for (let i = 0; i < 10; i++) await first.spool.add(createBatch(1000, 3000));
  // Acknowledged rows and then waiting rows were deleted.
  expect(first.spool.dropped.total).toBeGreaterThan(0);
  expect(first.segmentIds).toContain(withStates);
  expect(first.segmentIds).not.toContain(later[0]);
  first.kill('second');
  await expectContinued(await Server.start('second'));
});

it('writes a snapshot early if acknowledged segments with states take much space', async () => {
  const first = await startFirst();
  const state = Buffer.alloc(100_000, 'x');
  const add = () => first.spool.addDurably({ batches: [createBatch(1)], rows: 1, state });
  const refused = await fillWithAcknowledged(first, add);
  expect(refused).toMatchObject({ code: 'PS_SPOOL_FULL' });
  const before = first.states.keptNumber;
  vi.advanceTimersByTime(2000);
  await waitFor(async () => first.states.keptNumber > before);
  await add();
  expect(first.spool.dropped.total).toBe(0);
});

async function fillWithAcknowledged(server: Server, add: () => Promise<void>): Promise<unknown> {
  for (let i = 0; i < 20; i++) {
    try {
      await add();
    } catch (error) {
      return error;
    }
    await server.spool.drain();
  }
  return undefined;
}
