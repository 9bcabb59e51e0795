import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  readBackupContents,
  writeManifest,
} from '../../../../src/storage/backup/backup-manifest.ts';
import { digestFile } from '../../../../src/storage/backup/copy-file.ts';

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-manifest-'));
  writeFileSync(join(folder, 'data'), 'content');
  const copied = new Map([['data', await digestFile(join(folder, 'data'))]]);
  const tables = [{ name: 'metric_buckets', rows: 3 }];
  await writeManifest(folder, copied, { version: '1.0.0', questdbVersion: '9.0.0', tables });
});
afterEach(() => rmSync(folder, { recursive: true }));

it('reads the manifest of a complete backup', async () => {
  const { manifest, files } = await readBackupContents(folder);
  expect(manifest).toMatchObject({ version: '1.0.0', files: 1, bytes: 7 });
  expect([...files.keys()]).toEqual(['data']);
});

it('rejects a manifest that was cut at any byte, and names it', async () => {
  const bytes = readFileSync(join(folder, 'manifest.json'));
  // The last byte is the line break after the JSON.
  for (let length = 0; length < bytes.length - 1; length++) {
    writeFileSync(join(folder, 'manifest.json'), bytes.subarray(0, length));
    await expect(readBackupContents(folder)).rejects.toMatchObject({
      code: 'PS_BACKUP_DAMAGED',
      message: expect.stringContaining('manifest.json is empty or incomplete'),
    });
  }
});

it.each([
  ['null', 'is empty or incomplete'],
  ['5', 'is empty or incomplete'],
  ['{"format":1}', 'is empty or incomplete'],
  ['{"format":2}', 'has the unsupported format 2'],
])('rejects the manifest %j', async (text, reason) => {
  writeFileSync(join(folder, 'manifest.json'), text);
  await expect(readBackupContents(folder)).rejects.toMatchObject({
    code: 'PS_BACKUP_DAMAGED',
    message: expect.stringContaining(`manifest.json ${reason}`),
  });
});
