import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { WriteTarget } from '../../../../src/core/config/questdb-targets.ts';
import { DAY_MS } from '../../../../src/core/duration.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import { DroppedRowCounter } from '../../../../src/storage/write/dropped-rows.ts';
import { RowWriter, type RowWriterOptions } from '../../../../src/storage/write/row-writer.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { waitFor } from '../../../support/wait-for.ts';

const questdb = new ExternalQuestdb();
const spoolDir = join(questdb.folder, 'spool');
/** A folder as a process leaves it that was killed: no process has this number. */
const orphan = join(spoolDir, `${2 ** 22 + 1}-1-abcdef01`);
let target: WriteTarget | undefined;
let said: string[] = [];
let dropped = new DroppedRowCounter();

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
});
afterAll(() => questdb.remove());
beforeEach(() => {
  target = questdb.target;
  said = [];
  dropped = new DroppedRowCounter();
  rmSync(spoolDir, { recursive: true, force: true });
  mkdirSync(orphan, { recursive: true });
});

function writer(options: Partial<RowWriterOptions> = {}): RowWriter {
  const say = (message: string) => said.push(message);
  return new RowWriter({
    spoolDir,
    spoolMaxBytes: 1e9,
    retentionDays: 30,
    bufferSize: 10,
    flushIntervalMs: 60_000,
    target: () => target,
    ensureTables: async () => {},
    dropped,
    log: { info: say, warn: say, error: say },
    ...options,
  });
}

const rowsOf = (service: string, count: number, timestamp = Date.now()) =>
  Array.from({ length: count }, (_, i) => ({
    id: `${service}-${i}`,
    timestamp,
    metricType: 'CUSTOM',
    name: 'n',
    value: i,
    service,
  }));

async function stored(service: string): Promise<number> {
  const [[count] = []] = await questdb.sql(
    `SELECT count() FROM performance_metrics WHERE service = '${service}'`,
  );
  return Number(count);
}

/** Puts lines into the orphaned folder, as a spooled batch of one row. */
function orphanBatch(seq: number, line: string, newestMs = Date.now()): string {
  const name = `${String(seq).padStart(12, '0')}.performance_metrics.1.${newestMs}.ilp`;
  writeFileSync(join(orphan, name), line);
  return name;
}

const line = (service: string, field = 'value=1.0') =>
  `performance_metrics,service=${service},metric_type=CUSTOM id="${service}",${field} ${Date.now()}000000\n`;

it('sets a batch aside that QuestDB refuses, and stores its neighbours', async () => {
  orphanBatch(1, line('before'));
  orphanBatch(2, line('bad', 'value="a text"'));
  orphanBatch(3, line('after'));
  const road = writer();
  await road.flush();
  await road.close();
  for (const service of ['before', 'after']) {
    expect(await waitFor(async () => stored(service))).toBe(1);
  }
  expect(await stored('bad')).toBe(0);
  expect([...dropped.byReason]).toEqual([['refused', 1]]);
  expect(said.join()).toContain('QuestDB refused 1 rows');
  expect(readdirSync(join(spoolDir, 'refused'))).toHaveLength(1);
  expect(existsSync(orphan)).toBe(false);
});

it('goes on when a waiting batch has vanished', async () => {
  target = undefined;
  const vanishing = orphanBatch(1, line('vanished'));
  orphanBatch(2, line('stays'));
  const road = writer();
  const [mine] = readdirSync(spoolDir);
  rmSync(join(spoolDir, String(mine), vanishing));
  target = questdb.target;
  await road.flush();
  await road.close();
  expect(await waitFor(async () => stored('stays'))).toBe(1);
  expect(await stored('vanished')).toBe(0);
  expect(readdirSync(spoolDir)).toEqual([]);
});

it('throws away what a killed process had not finished writing', async () => {
  writeFileSync(join(orphan, `${orphanBatch(1, line('finished'))}.part`), 'performance_met');
  const road = writer();
  await road.flush();
  await road.close();
  expect(await waitFor(async () => stored('finished'))).toBe(1);
  expect(readdirSync(spoolDir)).toEqual([]);
});

it('drops the oldest rows over its size, and those older than the retention, and counts them', async () => {
  target = undefined;
  orphanBatch(1, line('too-old'), Date.now() - 31 * DAY_MS);
  const road = writer({ spoolMaxBytes: 64 * 1024, bufferSize: 100_000 });
  expect([...dropped.byReason]).toEqual([['expired', 1]]);
  for (let i = 0; i < 50; i++) {
    road.add('performance_metrics', rowsOf(`bounded-${i}`, 100));
    await road.flush(0).catch(() => {});
  }
  const full = dropped.byReason.get('spool_full') ?? 0;
  expect(full).toBeGreaterThan(0);
  const size = readdirSync(spoolDir, { recursive: true }).filter((n) => String(n).endsWith('.ilp'));
  expect(size.length).toBeLessThan(50);
  target = questdb.target;
  await road.flush();
  await road.close();
  const kept = await waitFor(async () => {
    const [[count] = []] = await questdb.sql(
      "SELECT count() FROM performance_metrics WHERE service LIKE 'bounded-%'",
    );
    return Number(count) + full >= 5000 && Number(count);
  });
  expect(kept + full).toBe(5000);
  expect(await stored('bounded-49')).toBe(100);
  expect(said.join()).toMatch(/the spool is full \(65536 bytes\)/);
});

it('drops rows older than the retention one by one, counts them, and keeps those of other days', async () => {
  const road = writer();
  const day = DAY_MS;
  road.add('performance_metrics', [
    ...rowsOf('aged-out', 3, Date.now() - 31 * day),
    ...rowsOf('in-time', 2, Date.now() - 29.9 * day),
    ...rowsOf('in-time-too', 4),
  ]);
  const author = 'somebody';
  road.add('audit_log', [{ id: 'old', seq: 0, author, timestamp: Date.now() - 400 * day }]);
  await road.flush();
  await road.close();
  await waitFor(async () => (await stored('in-time')) === 2 && (await stored('in-time-too')) === 4);
  expect([...dropped.byReason]).toEqual([['expired', 3]]);
  expect(said.join()).toContain('3 rows were dropped: they are older than the retention');
  await waitFor(async () => (await questdb.sql("audit_log WHERE id = 'old'")).length === 1);
});

it('keeps the days of waiting rows apart, because each expires by itself', async () => {
  const road = writer({ target: () => undefined });
  const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  road.add('performance_metrics', rowsOf('yesterday', 3, midnight - 1));
  road.add('performance_metrics', rowsOf('today', 5, midnight));
  await road.flush(1).catch(() => {});
  await road.close(1);
  expect(spooledRows().toSorted()).toEqual([3, 5]);
});

it('writes when enough rows have come together, or when the interval is over', async () => {
  const bySize = writer({ bufferSize: 10, flushIntervalMs: 3_600_000 });
  bySize.add('performance_metrics', rowsOf('nine', 9));
  bySize.add('performance_metrics', rowsOf('tenth', 1));
  await waitFor(async () => (await stored('nine')) + (await stored('tenth')) >= 10);
  expect([await stored('nine'), await stored('tenth')]).toEqual([9, 1]);
  await bySize.close();
  const byTime = writer({ bufferSize: 1000, flushIntervalMs: 100 });
  byTime.add('performance_metrics', rowsOf('timed', 3));
  expect(await waitFor(async () => stored('timed'))).toBe(3);
  await byTime.close();
});

it('tries again by itself, until an outage is over', async () => {
  let tries = 0;
  let up = false;
  const tried = () => {
    tries++;
    return up ? questdb.target : undefined;
  };
  const road = writer({ target: tried });
  road.add('performance_metrics', rowsOf('patient', 2));
  await road.flush(0).catch(() => {});
  // A try that would be the last stops most runs before so many.
  await waitFor(async () => tries >= 6);
  up = true;
  expect(await waitFor(async () => stored('patient'))).toBe(2);
  await road.close();
});

it('keeps rows for the next process when QuestDB is away at the end', async () => {
  target = undefined;
  const last = writer();
  last.add('performance_metrics', rowsOf('inherited', 7));
  await last.close(0);
  const [folder] = readdirSync(spoolDir).filter((name) => name.startsWith(`${process.pid}-`));
  expect(readdirSync(join(spoolDir, String(folder)))).toHaveLength(1);
});

it('a burst becomes batches of a bounded size', async () => {
  const road = writer({ target: () => undefined });
  road.add('performance_metrics', rowsOf('burst', 12_000));
  await road.flush(1).catch(() => {});
  await road.close(1);
  const sizes = spooledRows();
  expect(sizes.reduce((sum, rows) => sum + rows, 0)).toBe(12_000);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(5000);
});

it('a process that leaves while its rows are being written keeps all of them', () => {
  const road = writer({ target: () => undefined });
  road.add('performance_metrics', rowsOf('leaver', 12_000));
  road.add('performance_metrics', rowsOf('late', 1));
  road.flushSync();
  expect(spooledRows().reduce((sum, rows) => sum + rows, 0)).toBe(12_001);
});

/** Rows of each batch on disk, as its file's name gives them. */
function spooledRows(): number[] {
  return readdirSync(spoolDir, { recursive: true })
    .map(String)
    .flatMap((name) => /\.(\d+)\.\d+\.ilp$/.exec(name)?.[1] ?? [])
    .map(Number);
}
