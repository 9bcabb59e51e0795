import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { createError } from '../../../../src/core/perfscope-error.ts';
import { assertNewFolder } from '../../../../src/storage/backup/create-backup.ts';
import { restoreBackup } from '../../../../src/storage/backup/restore-backup.ts';

const folder = mkdtempSync(join(tmpdir(), 'perfscope-restore-'));
afterAll(() => rmSync(folder, { recursive: true }));

it.each([
  ['missing', 'the folder does not exist'],
  ['empty', 'files.sha256 is missing'],
])('reports a backup folder that is %s before it checks the data folder', async (name, reason) => {
  const dataDir = join(folder, `data-${name}`);
  mkdirSync(join(dataDir, 'questdb'), { recursive: true });
  writeFileSync(join(dataDir, 'credentials.json'), '{}');
  mkdirSync(join(folder, 'empty'), { recursive: true });
  const before = readdirSync(dataDir);
  for (const force of [false, true]) {
    const spoolDir = join(dataDir, 'spool');
    const options = { dataDir, spoolDir, force, onProgress: () => {} };
    await expect(restoreBackup(join(folder, name), options)).rejects.toMatchObject({
      code: 'PS_BACKUP_DAMAGED',
      message: `${join(folder, name)} is not a complete backup: ${reason}. Use another backup.`,
    });
  }
  expect(readdirSync(dataDir)).toEqual(before);
});

it('gives advice about a folder that exists for the command that was run', () => {
  expect(() => assertNewFolder(join(folder, 'new'))).not.toThrow();
  expect(() => assertNewFolder(folder)).toThrow(
    `${folder} already exists. Choose a folder that does not exist.`,
  );
  const { message } = createError('PS_FOLDER_NOT_EMPTY', { folder, command: 'restore' });
  expect(message).toMatch(/^The data folder .* already exists\. .*--force/);
  const url = 'http://db:9000';
  const restore = createError('PS_BACKUP_FOREIGN', { url, command: 'restore' });
  expect(restore.message).toContain('unset PERFORMANCE_QUESTDB_URL');
  const backup = createError('PS_BACKUP_FOREIGN', { url, command: 'backup' });
  expect(backup.message).toContain('copy the QuestDB root folder');
});
