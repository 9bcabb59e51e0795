import { relative } from 'node:path';
import type { Command } from 'commander';
import { getRowTarget, isPaused } from '../core/config/questdb-targets.ts';
import { findClosestMatch } from '../core/did-you-mean.ts';
import { formatBytes } from '../core/format.ts';
import { createError } from '../core/perfscope-error.ts';
import type { DeadLetter } from '../storage/dead-letters/dead-letter-files.ts';
import type { DeadLetterGroup } from '../storage/dead-letters/dead-letter-groups.ts';
import { askConfirmation } from './ask-confirmation.ts';
import { requireQuestdbTargets, requireStartupConfig } from './command-context.ts';
import { parsePositiveInteger } from './command-options.ts';
import { formatTable, print, printJson, printStatus } from './command-output.ts';
import { findSpoolFolder, SkippedPaths } from './spool-folder.ts';

const DEFAULT_LIMIT = 20;
const STATEMENT_TIMEOUT_MS = 10_000;

const HELP = `
The spool contains rows that QuestDB has not yet stored. Perfscope sends them automatically. The number
of rows in segment files includes rows that QuestDB acknowledged in the last minute.

A dead letter is a row that QuestDB rejected. It is stored with the reason. Dead letters with the same
table and reason form a group. Fix the cause, then send the rows again.

Examples:
  $ perfscope spool ls
  $ perfscope spool show 1f0c6a2b --limit 5
  $ perfscope spool retry 1f0c6a2b
  $ perfscope spool retry --all
  $ perfscope spool drop 1f0c6a2b --yes

Exit codes: 0 success, 1 failure, skipped files, or rows that were rejected again, 2 invalid usage.`;

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
    .description('List the rows in the spool, and send dead letters again');
  spool
    .command('ls')
    .description('List the rows in segment files, and the groups of dead letters')
    .action(list);
  spool
    .command('show <id>')
    .description('Show the reason and the rows of a group of dead letters')
    .option('--limit <n>', 'Maximum number of rows', parsePositiveInteger, DEFAULT_LIMIT)
    .action(show);
  spool
    .command('retry [ids...]')
    .usage('[options] (<ids...> | --all)')
    .description('Send dead letters again, and keep the rows that are rejected again')
    .option('--all', 'Send all dead letters again')
    .action(retry);
  spool
    .command('drop [ids...]')
    .usage('[options] (<ids...> | --all)')
    .description('Delete dead letters permanently')
    .option('--all', 'Delete all dead letters')
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
  const { spoolDir, exists, groups, skipped } = await openSpool(options);
  const { listSpool } = await import('../storage/spool/spool-list.ts');
  const folders = await listSpool(spoolDir, skipped.add);
  if (options.json) {
    printJson({ spoolDir, folders, deadLetters: groups, skipped: skipped.all });
    return;
  }
  printFolder(spoolDir, exists);
  if (folders.length === 0) print('No rows in segment files.');
  else {
    print('Rows in segment files, including rows that QuestDB acknowledged in the last minute:');
    const head = ['folder', 'process', 'rows', 'size'];
    const rows = folders.map(({ folder, isRunning, rows: count, bytes }) => [
      ...[relative(spoolDir, folder), isRunning ? 'running' : 'ended', count, formatBytes(bytes)],
    ]);
    process.stdout.write(formatTable(head, rows));
  }
  if (groups.length === 0) {
    print('No dead letters.');
    return;
  }
  print('Dead letters:');
  const head = ['id', 'rows', 'table', 'first rejected (UTC)', 'last rejected (UTC)', 'reason'];
  const rows = groups.map(({ id, rows: count, table, first, last, reason }) => [
    ...[id, count, table, formatTime(first), formatTime(last), reason],
  ]);
  process.stdout.write(formatTable(head, rows));
}

async function show(id: string, options: SpoolOptions & { limit: number }): Promise<void> {
  const { spoolDir, groups, skipped } = await openSpool(options);
  const { getGroupId, readAllDeadLetters } = await loadGroups();
  const [group] = selectGroups(groups, [id]);
  const letters: Pick<DeadLetter, 'at' | 'line' | 'encoding'>[] = [];
  const add = (all: readonly DeadLetter[]) => {
    for (const letter of all) {
      if (letters.length === options.limit) return;
      const { at, line, encoding } = letter;
      if (getGroupId(letter) === id) letters.push({ at, line, ...(encoding && { encoding }) });
    }
  };
  readAllDeadLetters(spoolDir, add, skipped.add);
  if (options.json) return printJson({ ...group, letters, skipped: skipped.all });
  const { table, reason, rows } = group!;
  process.stdout.write(formatTable(['table', 'rows', 'reason'], [[table, rows, reason]]));
  process.stdout.write(
    formatTable(
      ['rejected (UTC)', 'row'],
      letters.map((l) => [formatTime(l.at), l.line]),
    ),
  );
  if (rows > letters.length)
    printStatus(`Only the first ${letters.length} of ${rows} rows are shown.`);
}

async function retry(ids: string[], options: SelectOptions, command: Command): Promise<void> {
  assertSelection(ids, options, command);
  const { config, spoolDir, exists, groups, skipped } = await openSpool(options);
  const selected = selectGroups(groups, options.all ? undefined : ids);
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
  const counts = { stored: 0, kept: 0, rejected: 0 };
  let failure: string | undefined;
  await replaceDeadLetters(
    spoolDir,
    new Set(selected.map(({ id }) => id)),
    async (letters, owner) => {
      if (failure !== undefined) return undefined;
      const result = await sender.send(letters, owner);
      failure = result.failure;
      counts.stored += letters.length - result.kept.length;
      counts.kept += result.kept.length;
      counts.rejected += result.rejected;
      return result.kept;
    },
    skipped.add,
  );
  sender.close();
  // After a failure, the other files are not read.
  if (failure !== undefined)
    counts.kept = Math.max(counts.kept, countRows(selected) - counts.stored);
  if (options.json) printJson({ spoolDir, ...counts, skipped: skipped.all });
  else {
    printFolder(spoolDir, exists);
    print(`Stored ${formatRows(counts.stored)}. Kept ${formatRows(counts.kept)}.`);
  }
  if (failure !== undefined) {
    throw createError('PS_QUESTDB_UNREACHABLE', { url: target.url, reason: failure });
  }
  if (counts.rejected === 0) return;
  process.exitCode = 1;
  printStatus(
    `Rejected again: ${formatRows(counts.rejected)}. Run \`perfscope spool ls\` to see the reasons.`,
  );
}

async function drop(
  ids: string[],
  options: SelectOptions & { yes?: true },
  command: Command,
): Promise<void> {
  assertSelection(ids, options, command);
  const { spoolDir, exists, groups, skipped } = await openSpool(options);
  const selected = selectGroups(groups, options.all ? undefined : ids);
  const rows = countRows(selected);
  if (rows > 0 && options.yes !== true) {
    const question = `Permanently delete ${formatRows(rows)} from ${spoolDir}?`;
    if (!(await askConfirmation(question, 'Nothing was deleted.'))) return;
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
    skipped.add,
  );
  if (options.json) return printJson({ spoolDir, deleted, skipped: skipped.all });
  printFolder(spoolDir, exists);
  print(`Deleted ${formatRows(deleted)}.`);
}

/** Returns the spool folder and its groups of dead letters. @throws PS_SPOOL_FOLDER_INVALID */
async function openSpool(options: SpoolOptions) {
  const config = requireStartupConfig();
  const folder = await findSpoolFolder(config, options.spoolDir);
  const skipped = new SkippedPaths();
  const { listDeadLetterGroups } = await loadGroups();
  const groups = listDeadLetterGroups(folder.spoolDir, skipped.add);
  return { ...folder, config, skipped, groups };
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

/** Loads the module on demand, to keep other commands fast. */
function loadGroups() {
  return import('../storage/dead-letters/dead-letter-groups.ts');
}

function printFolder(spoolDir: string, exists: boolean): void {
  print(`Spool folder: ${spoolDir}${exists ? '' : ' (does not exist)'}`);
}

function countRows(groups: readonly DeadLetterGroup[]): number {
  return groups.reduce((sum, { rows }) => sum + rows, 0);
}

function formatTime(time: string): string {
  return time.slice(0, 19).replace('T', ' ');
}

function formatRows(rows: number): string {
  return `${rows} ${rows === 1 ? 'row' : 'rows'}`;
}
