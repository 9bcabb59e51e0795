import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { WriteTarget } from '../core/config/questdb-targets.ts';
import { readDiscoveryFile } from '../core/config/server-discovery.ts';
import type { StartupConfig } from '../core/config/startup-config.ts';
import { formatBytes } from '../core/format.ts';
import { commandLogger } from '../core/log.ts';
import { createError } from '../core/perfscope-error.ts';
import { requireStartupConfig } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { ProgressLine, print, printJson } from './command-output.ts';

interface BackupCommandOptions {
  json?: true;
  release?: true;
}

/** A data folder with a running QuestDB. */
interface OpenDataDir {
  readonly target: WriteTarget;
  readonly dataDir: string;
  readonly spoolDir: string;
  close(): Promise<void>;
}

export function addBackupCommand(program: Command): void {
  program
    .command('backup')
    .description('Back up all data to a folder, even while the server is running')
    .usage('[options] (<folder> | --release)')
    .argument('[folder]', 'Folder to create for the backup; it must not exist')
    .option(
      '--release',
      'Release a checkpoint left by an interrupted backup, without creating a backup',
    )
    .option('--json', 'Print the backup manifest as JSON')
    .addHelpText(
      'after',
      formatExamples('perfscope backup /backups/today', 'perfscope backup --release') +
        '\nThe backup contains passwords and personal data. Protect it like the data folder.\n',
    )
    .action((folder: string | undefined, options: BackupCommandOptions, command: Command) => {
      if (options.release && folder !== undefined) {
        return command.error('error: specify either a folder or --release');
      }
      if (options.release) return releaseStaleCheckpoint();
      if (folder === undefined) return command.error("error: missing required argument 'folder'");
      return runBackup(resolve(folder), options);
    });
}

async function runBackup(folder: string, { json }: BackupCommandOptions): Promise<void> {
  const config = requireStartupConfig();
  const { assertNewFolder, createBackup } = await import('../storage/backup/create-backup.ts');
  assertNewFolder(folder);
  const opened = await openDataDir(config);
  const stop = new AbortController();
  // Release the checkpoint even if the command is stopped. Otherwise QuestDB never deletes old files.
  const onSignal = () => stop.abort(new Error('the command was stopped'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal);
  const progress = new ProgressLine();
  try {
    const onProgress = (line: string) => progress.show(line);
    const manifest = await createBackup(folder, { ...opened, signal: stop.signal, onProgress });
    progress.clear();
    if (json) printJson({ folder, ...manifest });
    else {
      const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
      print(
        `Backed up ${rows} rows in ${manifest.tables.length} tables and roll-ups to ${folder}.`,
      );
      const size = formatBytes(manifest.bytes);
      print(`${manifest.files} files, ${size} including reserved pages. All files were verified.`);
    }
  } finally {
    progress.clear();
    await opened.close();
  }
}

async function releaseStaleCheckpoint(): Promise<void> {
  const opened = await openDataDir(requireStartupConfig());
  try {
    const { releaseCheckpoint } = await import('../storage/backup/create-backup.ts');
    await releaseCheckpoint(opened.target);
    print('No checkpoint is active.');
  } finally {
    await opened.close();
  }
}

/** Opens the data folder of the running server. Otherwise starts QuestDB for the configured folder. */
async function openDataDir(config: StartupConfig): Promise<OpenDataDir> {
  const { settings } = config;
  const externalUrl = settings.PERFORMANCE_QUESTDB_URL;
  if (externalUrl !== undefined)
    throw createError('PS_BACKUP_FOREIGN', { url: new URL(externalUrl).origin, command: 'backup' });
  const configuredDir = resolve(settings.PERFORMANCE_DATA_DIR);
  const exists = existsSync(join(configuredDir, 'questdb'));
  const running = readDiscoveryFile(config.discoveryFile);
  if (running && (!exists || running.dataDir === configuredDir)) {
    const { dataDir, spoolDir } = running;
    const target = running.questdb.write;
    if (dataDir === undefined)
      throw createError('PS_BACKUP_FOREIGN', { url: target.url, command: 'backup' });
    return { dataDir, spoolDir, target, close: async () => {} };
  }
  if (!exists) throw createError('PS_NO_DATA', { dataDir: configuredDir });
  const { openQuestdb } = await import('../storage/questdb/open-questdb.ts');
  const questdb = await openQuestdb(settings, commandLogger, () => {});
  return {
    dataDir: configuredDir,
    spoolDir: settings.PERFORMANCE_SPOOL_DIR ?? join(configuredDir, 'spool'),
    target: questdb.getTargets().write,
    close: () => questdb.close(),
  };
}
