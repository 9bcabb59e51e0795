import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { discover } from '../config/discovery.ts';
import type { Started } from '../config/environment.ts';
import type { WriteTarget } from '../config/target.ts';
import { coded } from '../errors.ts';
import { stderrLog } from '../log.ts';
import { examples } from './options.ts';
import { Progress, say, sayJson } from './output.ts';
import { started } from './start.ts';
import { bytesSaid } from './words.ts';

interface BackupCommandOptions {
  json?: true;
  release?: true;
}

/** A data folder whose QuestDB runs. */
interface OpenFolder {
  readonly target: WriteTarget;
  readonly dataDir: string;
  readonly spoolDir: string;
  close(): Promise<void>;
}

export function addBackup(program: Command): void {
  program
    .command('backup')
    .description('copy all that is stored into a folder, while the server runs or not')
    .argument('[folder]', 'where the backup is made; it must not be there yet')
    .option('--release', 'only end the checkpoint that a killed backup has left')
    .option('--json', "the backup's manifest as JSON")
    .addHelpText(
      'after',
      examples('perfscope backup /backups/today', 'perfscope backup --release') +
        '\nThe folder holds passwords and personal data: keep it as safe as the data folder.\n',
    )
    .action((folder: string | undefined, options: BackupCommandOptions, command: Command) => {
      if (options.release) return release();
      if (folder === undefined) return command.error("error: missing required argument 'folder'");
      return backup(resolve(folder), options);
    });
}

async function backup(folder: string, { json }: BackupCommandOptions): Promise<void> {
  const { backUp } = await import('../backup/backup.ts');
  const open = await openFolder(started());
  const stop = new AbortController();
  // A checkpoint that is not released keeps old files for ever.
  const onSignal = () => stop.abort(new Error('it was stopped'));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, onSignal);
  const progress = new Progress();
  try {
    const onProgress = (line: string) => progress.show(line);
    const manifest = await backUp(folder, { ...open, signal: stop.signal, onProgress });
    progress.end();
    if (json) sayJson({ folder, ...manifest });
    else {
      const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
      say(`${folder}: ${rows} rows of ${manifest.tables.length} tables and roll-ups,`);
      say(
        `${manifest.files} files, ${bytesSaid(manifest.bytes)} with reserved pages; all checked.`,
      );
    }
  } finally {
    progress.end();
    await open.close();
  }
}

async function release(): Promise<void> {
  const open = await openFolder(started());
  try {
    const { releaseCheckpoint } = await import('../questdb/checkpoint.ts');
    await releaseCheckpoint(open.target);
    say('No checkpoint is held.');
  } finally {
    await open.close();
  }
}

/** The running server's data folder, else the configured one, with a QuestDB started for it. */
async function openFolder(from: Started): Promise<OpenFolder> {
  const { settings } = from;
  const foreign = settings.PERFORMANCE_QUESTDB_URL;
  if (foreign !== undefined) throw coded('PS_BACKUP_FOREIGN', { url: new URL(foreign).origin });
  const configured = resolve(settings.PERFORMANCE_DATA_DIR);
  const isThere = existsSync(join(configured, 'questdb'));
  const running = discover(from.discoveryFile);
  if (running && (!isThere || running.dataDir === configured)) {
    const { dataDir, spoolDir, questdb } = running;
    const target = questdb.write;
    if (dataDir === undefined) throw coded('PS_BACKUP_FOREIGN', { url: target.url });
    return { dataDir, spoolDir, target, close: async () => {} };
  }
  if (!isThere) throw coded('PS_NOT_A_DATA_DIR', { dataDir: configured });
  const { openQuestdb } = await import('../questdb/open.ts');
  const own = await openQuestdb(settings, stderrLog, () => {});
  return {
    dataDir: configured,
    spoolDir: settings.PERFORMANCE_SPOOL_DIR ?? join(configured, 'spool'),
    target: own.targets().write,
    close: () => own.close(),
  };
}
