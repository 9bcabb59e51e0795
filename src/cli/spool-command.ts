import { basename } from 'node:path';
import type { Command } from 'commander';
import { getRowTarget, isPaused } from '../core/config/questdb-targets.ts';
import type { StartupConfig } from '../core/config/startup-config.ts';
import { findClosestMatch } from '../core/did-you-mean.ts';
import { formatBytes } from '../core/format.ts';
import { createError, errorMessage } from '../core/perfscope-error.ts';
import type { DeadLetter } from '../storage/dead-letters/dead-letter-files.ts';
import type { DeadLetterGroup } from '../storage/dead-letters/dead-letter-groups.ts';
import { askConfirmation } from './ask-confirmation.ts';
import { requireQuestdbTargets, requireStartupConfig } from './command-context.ts';
import { parsePositiveInteger } from './command-options.ts';
import { formatTable, print, printJson, printStatus } from './command-output.ts';

const DEFAULT_LIMIT = 20;
const STATEMENT_TIMEOUT_MS = 10_000;

const HELP = `
The spool contains rows that QuestDB has not yet stored. Perfscope sends them by itself. Rows that
QuestDB rejects are set aside with the reason, in groups of one table and one reason. Correct the
cause, then send the rows again.

Examples:
  $ perfscope spool ls
  $ perfscope spool show 1f0c6a2b --limit 5
  $ perfscope spool retry 1f0c6a2b
  $ perfscope spool retry --all
  $ perfscope spool drop 1f0c6a2b --yes

Exit codes: 0 success, 1 failure or rows were rejected again, 2 invalid usage.`;

interface SpoolOptions {
  readonly spoolDir?: string;
  readonly json?: true;
}

interface SelectOptions extends SpoolOptions {
  readonly all?: true;
}

/** Adds `perfscope spool` and its subcommands. */
export function addSpoolCommand(program: Command): void {
  const spool = program
    .command('spool')
    .description('List waiting and rejected rows, and send rejected rows again');
  spool.command('ls').description('List waiting rows and groups of rejected rows').action(list);
  spool
    .command('show <id>')
    .description('Show the reason and the rows of a group')
    .option('--limit <n>', 'Maximum number of rows', parsePositiveInteger, DEFAULT_LIMIT)
    .action(show);
  spool
    .command('retry [ids...]')
    .description('Send rejected rows again, and keep the rows that are rejected again')
    .option('--all', 'Send all rejected rows again')
    .action(retry);
  spool
    .command('drop [ids...]')
    .description('Delete rejected rows permanently')
    .option('--all', 'Delete all rejected rows')
    .option('--yes', 'Skip the confirmation')
    .action(drop);
  for (const command of [spool, ...spool.commands]) command.addHelpText('after', HELP);
  for (const command of spool.commands) {
    command
      .option('--spool-dir <folder>', 'Spool folder; default: the folder of the local server')
      .option('--json', 'Print one JSON object');
  }
}

async function list(options: SpoolOptions): Promise<void> {
  const spoolDir = await getFolder(requireStartupConfig(), options);
  const { listSpool } = await import('../storage/spool/spool-list.ts');
  const waiting = await listSpool(spoolDir, reportUnreadable);
  const groups = await listGroups(spoolDir);
  if (options.json) {
    printJson({ spoolDir, waiting, rejected: groups });
    return;
  }
  print(`Spool folder: ${spoolDir}`);
  if (waiting.length === 0) print('No rows are in the spool.');
  else {
    print('Rows in the spool, including rows that were stored in the last minute:');
    const head = ['folder', 'written by', 'process', 'rows', 'size'];
    const rows = waiting.map(({ folder, owner, isRunning, rows: count, bytes }) => [
      ...[basename(folder), owner, isRunning ? 'running' : 'ended', count, formatBytes(bytes)],
    ]);
    process.stdout.write(formatTable(head, rows));
  }
  if (groups.length === 0) {
    print('No rejected rows.');
    return;
  }
  print('Rejected rows:');
  const head = ['id', 'rows', 'table', 'written by', 'first', 'last', 'reason'];
  const rows = groups.map(({ id, rows: count, table, owner, first, last, reason }) => [
    ...[id, count, table, owner, formatTime(first), formatTime(last)],
    reason,
  ]);
  process.stdout.write(formatTable(head, rows));
}

async function show(id: string, options: SpoolOptions & { limit: number }): Promise<void> {
  const spoolDir = await getFolder(requireStartupConfig(), options);
  const { getGroupId, readAllDeadLetters } = await loadGroups();
  const [group] = selectGroups(await listGroups(spoolDir), [id]);
  const letters: Pick<DeadLetter, 'at' | 'line' | 'encoding'>[] = [];
  const add = (all: readonly DeadLetter[], owner: DeadLetterGroup['owner']) => {
    for (const letter of all) {
      if (letters.length === options.limit) return;
      const { at, line, encoding } = letter;
      if (getGroupId(owner, letter) === id)
        letters.push({ at, line, ...(encoding && { encoding }) });
    }
  };
  readAllDeadLetters(spoolDir, add, () => {});
  if (options.json) return printJson({ ...group, letters });
  const { table, reason, rows, owner } = group!;
  process.stdout.write(
    formatTable(['table', 'written by', 'rows', 'reason'], [[table, owner, rows, reason]]),
  );
  process.stdout.write(
    formatTable(
      ['set aside', 'row'],
      letters.map((l) => [l.at, l.line]),
    ),
  );
  if (rows > letters.length)
    printStatus(`Only the first ${letters.length} of ${rows} rows are shown.`);
}

async function retry(ids: string[], options: SelectOptions, command: Command): Promise<void> {
  assertSelection(ids, options, command);
  const config = requireStartupConfig();
  const spoolDir = await getFolder(config, options);
  const selected = selectGroups(await listGroups(spoolDir), options.all ? undefined : ids);
  const target = getRowTarget(requireQuestdbTargets(config));
  if (isPaused(target)) {
    throw createError('PS_UNAVAILABLE', { reason: `writes are paused, because ${target.paused}` });
  }
  const { replaceDeadLetters } = await loadGroups();
  const { DeadLetterSender } = await import('../storage/dead-letters/retry-dead-letters.ts');
  const { migrateTables } = await import('../storage/migrations/migrate.ts');
  const sender = new DeadLetterSender(target, async () => {
    const timeoutMs = STATEMENT_TIMEOUT_MS;
    await migrateTables(target, config.settings.retention, { timeoutMs });
  });
  const counts = { stored: 0, rejected: 0 };
  let failure: string | undefined;
  await replaceDeadLetters(
    spoolDir,
    new Set(selected.map(({ id }) => id)),
    async (letters, owner) => {
      if (failure !== undefined) return undefined;
      const result = await sender.send(letters, owner);
      failure = result.failure;
      counts.stored += letters.length - result.kept.length;
      counts.rejected += result.kept.length;
      return result.kept;
    },
    reportUnreadable,
  );
  sender.close();
  if (options.json) printJson(counts);
  else print(`Stored ${formatRows(counts.stored)}. Kept ${formatRows(counts.rejected)}.`);
  if (failure !== undefined) {
    throw createError('PS_QUESTDB_UNREACHABLE', { url: target.url, reason: failure });
  }
  if (counts.rejected === 0) return;
  process.exitCode = 1;
  printStatus('QuestDB rejected rows again. Run `perfscope spool ls` to see the reasons.');
}

async function drop(
  ids: string[],
  options: SelectOptions & { yes?: true },
  command: Command,
): Promise<void> {
  assertSelection(ids, options, command);
  const spoolDir = await getFolder(requireStartupConfig(), options);
  const selected = selectGroups(await listGroups(spoolDir), options.all ? undefined : ids);
  const rows = selected.reduce((sum, group) => sum + group.rows, 0);
  if (rows > 0 && options.yes !== true) {
    if (process.stdin.isTTY !== true)
      command.error('error: add --yes to delete rows without a terminal');
    if (!(await askConfirmation(`Permanently delete ${formatRows(rows)}?`))) {
      return print('Nothing was deleted.');
    }
  }
  const { replaceDeadLetters } = await loadGroups();
  let deleted = 0;
  await replaceDeadLetters(
    spoolDir,
    new Set(selected.map(({ id }) => id)),
    async (letters) => {
      deleted += letters.length;
      return [];
    },
    reportUnreadable,
  );
  if (options.json) printJson({ deleted });
  else print(`Deleted ${formatRows(deleted)}.`);
}

function assertSelection(ids: readonly string[], { all }: SelectOptions, command: Command): void {
  if (ids.length > 0 && all) command.error('error: specify IDs or --all, not both');
  if (ids.length === 0 && !all) command.error('error: specify the IDs of groups, or --all');
}

/** Returns the groups with the IDs, or all groups. @throws PS_DEAD_LETTERS_NOT_FOUND */
function selectGroups(
  groups: readonly DeadLetterGroup[],
  ids: readonly string[] | undefined,
): readonly DeadLetterGroup[] {
  if (ids === undefined) return groups;
  const known = groups.map(({ id }) => id);
  for (const id of ids) {
    if (known.includes(id)) continue;
    throw createError('PS_DEAD_LETTERS_NOT_FOUND', { id, nearest: findClosestMatch(id, known) });
  }
  return groups.filter(({ id }) => ids.includes(id));
}

async function getFolder(config: StartupConfig, { spoolDir }: SpoolOptions): Promise<string> {
  if (spoolDir !== undefined) return spoolDir;
  const { getSpoolDir } = await import('../storage/write/create-writer.ts');
  return getSpoolDir(config, undefined);
}

async function listGroups(spoolDir: string): Promise<DeadLetterGroup[]> {
  const { listDeadLetterGroups } = await loadGroups();
  return listDeadLetterGroups(spoolDir, reportUnreadable);
}

/** Loads the module on demand, to keep other commands fast. */
function loadGroups() {
  return import('../storage/dead-letters/dead-letter-groups.ts');
}

function reportUnreadable(path: string, error: unknown): void {
  const params = { path, reason: errorMessage(error) };
  printStatus(createError('PS_SPOOL_UNTRUSTED', params).message);
}

function formatTime(time: string): string {
  return time.slice(0, 19).replace('T', ' ');
}

function formatRows(rows: number): string {
  return `${rows} ${rows === 1 ? 'row' : 'rows'}`;
}
