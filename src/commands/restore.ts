import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { coded } from '../errors.ts';
import { examples } from './options.ts';
import { Progress, say, sayJson } from './output.ts';
import { started } from './start.ts';

export function addRestore(program: Command): void {
  program
    .command('restore')
    .description('make the data folder from a backup; the server must not run')
    .argument('<folder>', 'the backup')
    .option('--force', 'move a data folder that is there aside')
    .option('--json', 'tell what was restored as JSON')
    .addHelpText(
      'after',
      examples(
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
  const { settings } = started();
  const foreign = settings.PERFORMANCE_QUESTDB_URL;
  if (foreign !== undefined) throw coded('PS_BACKUP_FOREIGN', { url: new URL(foreign).origin });
  const dataDir = resolve(settings.PERFORMANCE_DATA_DIR);
  const { restore } = await import('../backup/restore.ts');
  const progress = new Progress();
  const { manifest, movedTo } = await restore(resolve(folder), {
    dataDir,
    force: options.force === true,
    spoolDir: resolve(settings.PERFORMANCE_SPOOL_DIR ?? join(dataDir, 'spool')),
    onProgress: (line) => progress.show(line),
  }).finally(() => progress.end());
  if (options.json) return sayJson({ dataDir, movedTo, ...manifest });
  say(`${dataDir} is as it was at ${manifest.createdAt}. Start it: perfscope serve`);
  if (movedTo !== undefined) say(`What was there before is in ${movedTo}.`);
}
