import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DroppedRowCounter } from '../../../../src/storage/write/dropped-rows.ts';
import { Spool } from '../../../../src/storage/write/spool.ts';
import {
  type Batch,
  createOrphanedFolderName,
  formatBatchFileName,
} from '../../../../src/storage/write/spool-folders.ts';

const METRICS = 'performance_metrics,name=a value=1 1000\n';
const KEYS = 'api_keys,name=a value=1 1000\n';

let folder: string;
let dir: string;
let warnings: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-trust-'));
  dir = join(folder, 'spool');
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

function createSpool(isServer = false, dropped = new DroppedRowCounter()): Spool {
  const record = (message: string) => void warnings.push(message);
  const log = { info: record, warn: record, error: record };
  return new Spool({ dir, isServer, maxBytes: 1e9, maxAgeMs: 1e15, dropped, log });
}

/** Writes a batch of a process that has stopped. Returns the path of the file. */
function plant(table: Batch['table'] = 'performance_metrics', lines = METRICS, root = dir): string {
  const orphaned = join(root, createOrphanedFolderName());
  mkdirSync(orphaned, { recursive: true, mode: 0o700 });
  const file = join(orphaned, formatBatchFileName(0, { table, rows: 1, newestMs: 1000 }));
  writeFileSync(file, lines, { mode: 0o600 });
  return file;
}

/** Adopts the batches, and returns the lines that would be sent. */
async function adopt(isServer = false): Promise<string[]> {
  const spool = createSpool(isServer);
  spool.adoptOrphanedBatches();
  const lines = await Promise.all(spool.waiting.map((batch) => spool.read(batch)));
  return lines.flatMap((part) => (part ? part.toString() : []));
}

it('adopts the rows of another process of the same user', async () => {
  plant();
  plant('rule_decisions', 'rule_decisions,id=a seq=1i 1000\n');
  expect((await adopt()).toSorted()).toEqual([METRICS, 'rule_decisions,id=a seq=1i 1000\n']);
  expect(warnings).toEqual([]);
});

it.each([
  ['api_keys'],
  ['notification_people'],
  ['silences'],
  ['audit_log'],
  ['alerts'],
  ['notifications'],
] as const)(
  'neither services nor servers send rows of %s from the folder of services',
  async (table) => {
    plant(table, `${table},name=a value=1 1000\n`);
    expect(await adopt()).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining(`services can't write to ${table}`)]);
    plant(table, `${table},name=a value=1 1000\n`);
    expect(await adopt(true)).toEqual([]);
    // The rows are kept for inspection.
    expect(readdirSync(join(dir, 'refused'))).toHaveLength(2);
  },
);

it('sends no rows of another table than the name of the file', async () => {
  const dropped = new DroppedRowCounter();
  plant('performance_metrics', METRICS + KEYS);
  const spool = createSpool(true, dropped);
  spool.adoptOrphanedBatches();
  const [batch] = spool.waiting;
  expect(await spool.read(batch!)).toBeUndefined();
  expect(spool.waiting).toEqual([]);
  expect([...dropped.byReason]).toEqual([['refused', 1]]);
  expect(warnings).toEqual([expect.stringContaining('not rows of performance_metrics')]);
});

it('a server sends the rows that a crashed server has left, and services do not', async () => {
  const crashed = createSpool(true);
  const lines = Buffer.from(KEYS);
  crashed.addSync({ table: 'api_keys', rows: 1, newestMs: 1, bytes: 1, file: undefined, lines });
  const [written] = crashed.waiting;
  // The process of this test is still running, so its folder is not orphaned.
  renameSync(dirname(written!.file!), join(dir, 'server', createOrphanedFolderName()));
  expect(await adopt()).toEqual([]);
  expect(await adopt(true)).toEqual([KEYS]);
  plant();
  expect(await adopt(true)).toEqual([METRICS]);
  expect(warnings).toEqual([]);
});

it('protects the folders and files that it creates', async () => {
  const spool = createSpool(true);
  const lines = Buffer.from(METRICS);
  await spool.add({
    table: 'performance_metrics',
    rows: 1,
    newestMs: 1,
    bytes: 1,
    file: undefined,
    lines,
  });
  const file = spool.waiting[0]!.file!;
  expect(lstatSync(file).mode & 0o777).toBe(0o600);
  for (const path of [dirname(file), join(dir, 'server'), dir])
    expect(lstatSync(path).mode & 0o777).toBe(0o700);
});

describe.skipIf(process.platform === 'win32')('permissions', () => {
  it.each([
    ['a folder that the group can write to', (file: string) => chmodSync(dirname(file), 0o770)],
    ['a folder that all users can write to', (file: string) => chmodSync(dirname(file), 0o707)],
    ['a file that the group can write to', (file: string) => chmodSync(file, 0o620)],
    ['a file that all users can write to', (file: string) => chmodSync(file, 0o602)],
    ['a file with a hard link', (file: string) => linkSync(file, join(folder, 'link'))],
    [
      'a symbolic link',
      (file: string) => {
        renameSync(file, join(folder, 'target'));
        symlinkSync(join(folder, 'target'), file);
      },
    ],
    [
      'a link to a folder',
      (file: string) => {
        renameSync(dirname(file), join(folder, 'target'));
        symlinkSync(join(folder, 'target'), dirname(file));
      },
    ],
    [
      'a folder instead of a file',
      (file: string) => {
        rmSync(file);
        mkdirSync(file);
      },
    ],
  ])('rejects %s', async (_name, change) => {
    change(plant());
    expect(await adopt()).toEqual([]);
    expect(warnings).toEqual([expect.stringMatching(/^The rows in .* are not sent: /)]);
  });

  it('rejects a file that is replaced after its folder was listed', async () => {
    const file = plant();
    const spool = createSpool();
    spool.adoptOrphanedBatches();
    const adopted = spool.waiting[0]!.file!;
    expect(existsSync(file)).toBe(false);
    renameSync(adopted, join(folder, 'target'));
    symlinkSync(join(folder, 'target'), adopted);
    expect(await spool.read(spool.waiting[0]!)).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('symbolic link')]);
  });

  it('a server uses no server folder that other users can write to', async () => {
    mkdirSync(join(dir, 'server'), { recursive: true });
    chmodSync(join(dir, 'server'), 0o777);
    plant('api_keys', KEYS, join(dir, 'server'));
    expect(await adopt(true)).toEqual([]);
    const spool = createSpool(true);
    const lines = Buffer.from(KEYS);
    spool.addSync({ table: 'api_keys', rows: 1, newestMs: 1, bytes: 1, file: undefined, lines });
    expect(spool.waiting[0]?.file).toBeUndefined();
    expect(warnings.join('\n')).toContain('other users can write to it');
  });
});

describe.skipIf(process.geteuid?.() !== 0)('other owners', () => {
  it.each([
    ['file', (file: string) => chownSync(file, 12_345, 12_345)],
    ['folder', (file: string) => chownSync(dirname(file), 12_345, 12_345)],
  ])('rejects a %s of another user', async (_name, change) => {
    change(plant());
    expect(await adopt()).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('belongs to the user with ID 12345')]);
  });
});
