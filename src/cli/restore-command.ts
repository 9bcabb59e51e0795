import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { createError } from '../core/errors.ts';
import { requireStartupConfig } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { ProgressLine, print, printJson } from './command-output.ts';

export function addRestoreCommand(program: Command): void {
  program
    .command('restore')
    .description('make the data folder from a backup; the server must not run')
    .argument('<folder>', 'the backup')
    .option('--force', 'move a data folder that is there aside')
    .option('--json', 'tell what was restored as JSON')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope restore /backups/today && perfscope serve',
        'PERFORMANCE_DATA_DIR=/srv/perfscope perfscope restore --force /backups/today',
      ),
    )
    .action(restoreBackup);
}

async function restoreBackup(
  folder: string,
  options: { force?: true; json?: true },
): Promise<void> {
  const { settings } = requireStartupConfig();
  const foreign = settings.PERFORMANCE_QUESTDB_URL;
  if (foreign !== undefined)
    throw createError('PS_BACKUP_FOREIGN', { url: new URL(foreign).origin });
  const dataDir = resolve(settings.PERFORMANCE_DATA_DIR);
  const { restoreBackup: restore } = await import('../storage/backup/restore-backup.ts');
  const progress = new ProgressLine();
  const { manifest, movedTo } = await restore(resolve(folder), {
    dataDir,
    force: options.force === true,
    spoolDir: resolve(settings.PERFORMANCE_SPOOL_DIR ?? join(dataDir, 'spool')),
    onProgress: (line) => progress.show(line),
  }).finally(() => progress.clear());
  if (options.json) return printJson({ dataDir, movedTo, ...manifest });
  print(`${dataDir} is as it was at ${manifest.createdAt}. Start it: perfscope serve`);
  if (movedTo !== undefined) print(`What was there before is in ${movedTo}.`);
}
