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
import type { TableName } from '../../../../src/core/schema/table-registry.ts';
import {
  createSegmentName,
  formatSegmentName,
} from '../../../../src/storage/spool/segment-name.ts';
import { encodeRecord } from '../../../../src/storage/spool/segment-record.ts';
import {
  listSegments,
  listWaitingSegments,
  ORPHAN_NAME,
  TestSpool,
} from '../../../support/spool-fixtures.ts';

const METRICS = 'performance_metrics,name=a value=1 1000\n';
const KEYS = 'api_keys,name=a value=1 1000\n';

let folder: string;
let dir: string;
let warnings: string[];
let deadLetters: { table: string; rows: number; reason: string }[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-trust-'));
  dir = join(folder, 'spool');
  warnings = [];
  deadLetters = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes a segment of a process that has ended. Returns the path of the file. */
function plant(table: TableName = 'performance_metrics', text = METRICS, root = dir): string {
  const orphaned = join(root, ORPHAN_NAME);
  mkdirSync(orphaned, { recursive: true, mode: 0o700 });
  const name = createSegmentName(Date.now());
  const lines = Buffer.from(text);
  const record = encodeRecord(name.nonce, 0, { table, rows: 1, newestMs: 1000, lines });
  const file = join(orphaned, formatSegmentName({ ...name, rows: 1 }));
  writeFileSync(file, Buffer.concat(record), { mode: 0o600 });
  return file;
}

/** Returns the lines that a spool would send. */
async function readLines(spool: TestSpool): Promise<string[]> {
  const lines: string[] = [];
  for (;;) {
    const reading = await spool.read(1e6);
    if (!reading) break;
    lines.push(...reading.batches.map((batch) => batch.lines.toString()));
    spool.remove(reading);
  }
  warnings.push(...spool.warnings);
  deadLetters.push(...spool.deadLetters);
  return lines;
}

/** Adopts the batches, and returns the lines that would be sent. */
async function adopt(isServer = false): Promise<string[]> {
  const spool = new TestSpool({ dir, isServer });
  await spool.adopt();
  const lines = await readLines(spool);
  spool.close();
  return lines;
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
    expect(listWaitingSegments(dir)).toEqual([]);
    plant(table, `${table},name=a value=1 1000\n`);
    expect(await adopt(true)).toEqual([]);
    // The rows are kept for inspection.
    const letter = { table, rows: 1, reason: `services can't write to ${table}` };
    expect(deadLetters).toEqual([letter, letter]);
  },
);

it('sends no rows of another table than the first row', async () => {
  plant('performance_metrics', METRICS + KEYS);
  expect(await adopt(true)).toEqual([]);
  const reason = 'lines are not rows of performance_metrics';
  expect(deadLetters).toEqual([{ table: 'performance_metrics', rows: 2, reason }]);
});

it('a server sends the rows that a crashed server has left, and services do not', async () => {
  const crashed = new TestSpool({ dir, isServer: true });
  const lines = Buffer.from(KEYS);
  crashed.addSync({ table: 'api_keys', rows: 1, newestMs: 1, lines });
  // Without the socket, it has no owner.
  const [crashedFolder = ''] = readdirSync(join(dir, 'server'));
  renameSync(join(dir, 'server', crashedFolder), join(dir, 'server', ORPHAN_NAME));
  rmSync(join(dir, 'server', ORPHAN_NAME, 'owner'));
  expect(await adopt()).toEqual([]);
  expect(await adopt(true)).toEqual([KEYS]);
  plant();
  expect(await adopt(true)).toEqual([METRICS]);
  expect(warnings).toEqual([]);
  crashed.close();
});

it('protects the folders and files that it creates', async () => {
  const spool = new TestSpool({ dir, isServer: true });
  spool.addSync({ table: 'api_keys', rows: 1, newestMs: 1, lines: Buffer.from(KEYS) });
  const [file = ''] = listSegments(dir);
  expect(lstatSync(join(dir, file)).mode & 0o777).toBe(0o600);
  for (const path of [dirname(join(dir, file)), join(dir, 'server'), dir])
    expect(lstatSync(path).mode & 0o777).toBe(0o700);
  spool.close();
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
    expect(warnings).toEqual([expect.stringMatching(/^Rows are not sent from .*: /)]);
  });

  it('rejects a file that is replaced after its folder was listed', async () => {
    const file = plant();
    const spool = new TestSpool({ dir });
    await spool.adopt();
    const [adopted = ''] = listSegments(dir);
    expect(existsSync(file)).toBe(false);
    renameSync(join(dir, adopted), join(folder, 'target'));
    symlinkSync(join(folder, 'target'), join(dir, adopted));
    expect(await readLines(spool)).toEqual([]);
    expect(warnings.join()).toContain('symbolic link');
    expect([...spool.dropped.byReason]).toEqual([['untrusted', 1]]);
    spool.close();
  });

  it('a server uses no server folder that other users can write to', async () => {
    mkdirSync(join(dir, 'server'), { recursive: true });
    chmodSync(join(dir, 'server'), 0o777);
    plant('api_keys', KEYS, join(dir, 'server'));
    expect(await adopt(true)).toEqual([]);
    const spool = new TestSpool({ dir, isServer: true });
    spool.addSync({ table: 'api_keys', rows: 1, newestMs: 1, lines: Buffer.from(KEYS) });
    expect(readdirSync(join(dir, 'server'))).toEqual([ORPHAN_NAME]);
    expect(spool.warnings.join('\n')).toContain('other users can write to it');
    spool.close();
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
