import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { createError } from '../core/perfscope-error.ts';
import { requireStartupConfig } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { ProgressLine, print, printJson } from './command-output.ts';

export function addRestoreCommand(program: Command): void {
  program
    .command('restore')
    .description('Restore the data folder from a backup; stop the server first')
    .argument('<folder>', 'Backup folder')
    .option('--force', 'Rename an existing data folder instead of failing')
    .option('--json', 'Print the result as JSON')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope restore /backups/today && perfscope serve',
        'PERFORMANCE_DATA_DIR=/srv/perfscope perfscope restore --force /backups/today',
      ),
    )
    .action(runRestore);
}

async function runRestore(folder: string, options: { force?: true; json?: true }): Promise<void> {
  const { settings } = requireStartupConfig();
  const externalUrl = settings.PERFORMANCE_QUESTDB_URL;
  if (externalUrl !== undefined)
    throw createError('PS_BACKUP_FOREIGN', {
      url: new URL(externalUrl).origin,
      command: 'restore',
    });
  const dataDir = resolve(settings.PERFORMANCE_DATA_DIR);
  const { restoreBackup } = await import('../storage/backup/restore-backup.ts');
  const progress = new ProgressLine();
  const { manifest, movedTo } = await restoreBackup(resolve(folder), {
    dataDir,
    force: options.force === true,
    spoolDir: resolve(settings.PERFORMANCE_SPOOL_DIR ?? join(dataDir, 'spool')),
    onProgress: (line) => progress.show(line),
  }).finally(() => progress.clear());
  if (options.json) return printJson({ dataDir, movedTo, ...manifest });
  print(
    `Restored ${dataDir} to its state at ${manifest.createdAt}. To start the server: perfscope serve`,
  );
  if (movedTo !== undefined) print(`The previous data folder is now ${movedTo}.`);
}
