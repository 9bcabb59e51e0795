import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { WriteTarget } from '../core/config/questdb-targets.ts';
import { readDiscoveryFile } from '../core/config/server-discovery.ts';
import type { StartupConfig } from '../core/config/startup-config.ts';
import { createError } from '../core/errors.ts';
import { formatBytes } from '../core/format.ts';
import { stderrLogger } from '../core/log.ts';
import { requireStartupConfig } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { ProgressLine, print, printJson } from './command-output.ts';

interface BackupCommandOptions {
  json?: true;
  release?: true;
}

/** A data folder whose QuestDB runs. */
interface OpenDataDir {
  readonly target: WriteTarget;
  readonly dataDir: string;
  readonly spoolDir: string;
  close(): Promise<void>;
}

export function addBackupCommand(program: Command): void {
  program
    .command('backup')
    .description('copy all that is stored into a folder, while the server runs or not')
    .argument('[folder]', 'where the backup is made; it must not be there yet')
    .option('--release', 'only end the checkpoint that a killed backup has left')
    .option('--json', "the backup's manifest as JSON")
    .addHelpText(
      'after',
      formatExamples('perfscope backup /backups/today', 'perfscope backup --release') +
        '\nThe folder holds passwords and personal data: keep it as safe as the data folder.\n',
    )
    .action((folder: string | undefined, options: BackupCommandOptions, command: Command) => {
      if (options.release) return releaseStaleCheckpoint();
      if (folder === undefined) return command.error("error: missing required argument 'folder'");
      return runBackup(resolve(folder), options);
    });
}

async function runBackup(folder: string, { json }: BackupCommandOptions): Promise<void> {
  const { createBackup: backUp } = await import('../storage/backup/create-backup.ts');
  const open = await openDataDir(requireStartupConfig());
  const stop = new AbortController();
  // A checkpoint that is not released keeps old files for ever.
  const onSignal = () => stop.abort(new Error('it was stopped'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal);
  const progress = new ProgressLine();
  try {
    const onProgress = (line: string) => progress.show(line);
    const manifest = await backUp(folder, { ...open, signal: stop.signal, onProgress });
    progress.clear();
    if (json) printJson({ folder, ...manifest });
    else {
      const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
      print(`${folder}: ${rows} rows of ${manifest.tables.length} tables and roll-ups,`);
      print(
        `${manifest.files} files, ${formatBytes(manifest.bytes)} with reserved pages; all checked.`,
      );
    }
  } finally {
    progress.clear();
    await open.close();
  }
}

async function releaseStaleCheckpoint(): Promise<void> {
  const open = await openDataDir(requireStartupConfig());
  try {
    const { releaseCheckpoint } = await import('../storage/backup/create-backup.ts');
    await releaseCheckpoint(open.target);
    print('No checkpoint is held.');
  } finally {
    await open.close();
  }
}

/** The running server's data folder, else the configured one, with a QuestDB started for it. */
async function openDataDir(from: StartupConfig): Promise<OpenDataDir> {
  const { settings } = from;
  const foreign = settings.PERFORMANCE_QUESTDB_URL;
  if (foreign !== undefined)
    throw createError('PS_BACKUP_FOREIGN', { url: new URL(foreign).origin });
  const configured = resolve(settings.PERFORMANCE_DATA_DIR);
  const isThere = existsSync(join(configured, 'questdb'));
  const running = readDiscoveryFile(from.discoveryFile);
  if (running && (!isThere || running.dataDir === configured)) {
    const { dataDir, spoolDir, questdb } = running;
    const target = questdb.write;
    if (dataDir === undefined) throw createError('PS_BACKUP_FOREIGN', { url: target.url });
    return { dataDir, spoolDir, target, close: async () => {} };
  }
  if (!isThere) throw createError('PS_NOT_A_DATA_DIR', { dataDir: configured });
  const { openQuestdb } = await import('../storage/questdb/open-questdb.ts');
  const own = await openQuestdb(settings, stderrLogger, () => {});
  return {
    dataDir: configured,
    spoolDir: settings.PERFORMANCE_SPOOL_DIR ?? join(configured, 'spool'),
    target: own.getTargets().write,
    close: () => own.close(),
  };
}
