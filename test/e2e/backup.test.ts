import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { PerfscopeServer } from '../support/perfscope-server.ts';
import { runPerfscope } from '../support/run-perfscope.ts';
import { waitFor } from '../support/wait-for.ts';
import { waitForWal } from '../support/wait-for-rollups.ts';

const first = new PerfscopeServer();
const second = new PerfscopeServer();
const folder = join(first.folder, 'backup');
beforeAll(() => first.start());
afterAll(async () => {
  await first.remove();
  await second.remove();
});

const SAMPLES = `SELECT timestamp, id, value, name FROM performance_metrics
  WHERE service = 'backup' ORDER BY timestamp, id`;

async function insertSamples(firstId: number, count: number): Promise<void> {
  // Two days ago and now: a closed partition and the active partition.
  for (const ageMinutes of [2880, 0]) {
    await first.sql(`INSERT INTO performance_metrics (timestamp, id, service, name, value, count)
      SELECT dateadd('m', -${ageMinutes}, now()), concat('${ageMinutes}-', x + ${firstId}), 'backup', 'n', x, 1
      FROM long_sequence(${count})`);
  }
}

let before: unknown[][] = [];

it('backs up all rows that were stored before the backup started, even while new rows are written', async () => {
  await insertSamples(0, 20_000);
  await waitFor(async () => (await first.sql(SAMPLES)).length === 40_000);
  // A spooled row that no server has sent yet.
  const spoolFolder = join(first.folder, 'data', 'spool', `${process.pid}--abcdef01`);
  mkdirSync(spoolFolder);
  const line = `performance_metrics,service=backup,name=n id="waiting",value=7.0,count=1i ${Date.now()}000000\n`;
  writeFileSync(join(spoolFolder, `000000000001.performance_metrics.1.${Date.now()}.ilp`), line);
  // QuestDB has acknowledged these rows, but might not have applied them yet.
  await insertSamples(50_000, 5000);
  const backup = runPerfscope(['backup', '--json', folder], first.env);
  let isFinished = false;
  void backup.then(() => {
    isFinished = true;
  });
  for (let i = 1; !isFinished; i++) {
    await insertSamples(100_000 * i, 20);
    // Limits the number of rows, also if the backup takes long.
    await waitForWal(first);
  }
  const { status, stdout, stderr } = await backup;
  expect([status, stderr]).toEqual([0, '']);
  const isEarly = ([, id]: unknown[]) => Number(String(id).split('-')[1]) < 100_000;
  before = await waitFor(async () => {
    const rows = (await first.sql(SAMPLES)).filter(isEarly);
    return rows.length === 50_000 && rows;
  });
  const manifest = JSON.parse(stdout) as { tables: { name: string; rows: number }[] };
  const rows = manifest.tables.find(({ name }) => name === 'performance_metrics')?.rows;
  expect(rows).toBeGreaterThanOrEqual(40_000);
  const [[inProgress] = []] = await first.sql('SELECT in_progress FROM checkpoint_status()');
  expect(inProgress).toBe(false);
});

it('restores the same rows into another data directory', async () => {
  const restored = await runPerfscope(['restore', folder], second.env);
  expect([restored.status, restored.stderr]).toEqual([0, '']);
  expect(existsSync(join(second.folder, 'data', 'questdb', '_restore'))).toBe(true);
  await second.start();
  const ids = new Set(before.map(([, id]) => id));
  const found = await waitFor(async () => {
    const rows = await second.sql(SAMPLES);
    return rows.filter(([, id]) => ids.has(id)).length >= before.length && rows;
  });
  expect(found.filter(([, id]) => ids.has(id))).toEqual(before);
  // The backup can include rows that were written while it ran. Such rows must equal the first server's rows.
  await waitForWal(first);
  const all = new Set((await first.sql(SAMPLES)).map((row) => JSON.stringify(row)));
  const rest = found.filter(([, id]) => id !== 'waiting');
  expect(rest.filter((row) => !all.has(JSON.stringify(row)))).toEqual([]);
  await waitFor(async () => {
    const spooled = await second.sql("SELECT value FROM performance_metrics WHERE id = 'waiting'");
    return JSON.stringify(spooled) === '[[7]]';
  });
  await second.sql(
    `INSERT INTO performance_metrics (timestamp, id, service) VALUES (now(), 'later', 'b')`,
  );
  await waitFor(
    async () => (await second.sql("performance_metrics WHERE id = 'later'")).length === 1,
  );
  const tables = 'SELECT table_name FROM wal_tables() WHERE suspended = true';
  expect(await second.sql(tables.replace('table_name', 'name'))).toEqual([]);
});

it('rejects a directory that exists or is in use, and a damaged backup', async () => {
  const running = await runPerfscope(['restore', '--force', folder], second.env);
  expect(running.stderr).toContain('PS_DATA_DIR_HELD');
  await second.stop();
  const existing = await runPerfscope(['restore', folder], second.env);
  expect(existing.stderr).toContain('PS_FOLDER_NOT_EMPTY');
  const file = join(folder, 'credentials.json');
  const credentials = readFileSync(file);
  writeFileSync(file, `${credentials} `);
  const changed = await runPerfscope(['restore', '--force', folder], second.env);
  expect(changed.stderr).toMatch(/PS_BACKUP_DAMAGED.*credentials.json has been changed/);
  writeFileSync(file, credentials);
  writeFileSync(join(folder, 'more'), '');
  const withExtraFile = await runPerfscope(['restore', '--force', folder], second.env);
  expect(withExtraFile.stderr).toMatch(/PS_BACKUP_DAMAGED.*more is not listed/);
  expect(readdirSync(join(second.folder, 'data'))).toContain('questdb');
  const repeated = await runPerfscope(['backup', folder], first.env);
  expect(repeated.stderr).toContain('PS_FOLDER_NOT_EMPTY');
});

it('renames the existing directory with --force and backs up a stopped server', async () => {
  const backupFolder = join(second.folder, 'backup');
  const backup = await runPerfscope(['backup', backupFolder], second.env);
  expect([backup.status, backup.stderr]).toEqual([0, '']);
  const restored = await runPerfscope(['restore', '--force', '--json', backupFolder], second.env);
  expect(restored.status).toBe(0);
  const { movedTo } = JSON.parse(restored.stdout) as { movedTo: string };
  expect(readdirSync(movedTo)).toContain('questdb');
  await second.start();
  await waitFor(async () => (await second.sql(SAMPLES)).length >= 50_001);
});

it('rejects an external QuestDB and explains the alternative', async () => {
  const env = { ...first.env, PERFORMANCE_QUESTDB_URL: 'http://127.0.0.1:9' };
  for (const command of ['backup', 'restore']) {
    const { status, stderr } = await runPerfscope([command, '/nowhere'], env);
    expect(status).toBe(1);
    expect(stderr).toMatch(/PS_BACKUP_FOREIGN.*CHECKPOINT CREATE/);
  }
});
