import { text as readAll } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import { neutralizeFormula } from '../core/csv-formula.ts';
import { createError, errorMessage } from '../core/perfscope-error.ts';
import { requireQuestdbTargets, requireStartupConfig, withQueryErrors } from './command-context.ts';
import { formatExamples, parsePositiveInteger, parseTimeLimit } from './command-options.ts';
import { formatTable, printJson, printStatus } from './command-output.ts';

interface QueryCommandOptions {
  json?: true;
  csv?: true;
  limit: number;
  timeout: number;
}

export function addQueryCommand(program: Command): void {
  program
    .command('query')
    .description('Run one SELECT on the rows of all tenants; other statements are rejected')
    .argument('[statement]', 'SELECT statement; default: read from stdin')
    .addOption(new Option('--json', 'Print rows as a JSON array of objects').conflicts('csv'))
    .option(
      '--csv',
      "Print rows as CSV with a header line; text that a spreadsheet would run as a formula gets a ' prefix",
    )
    .option('--limit <rows>', 'Maximum number of rows', parsePositiveInteger, 1000)
    .addOption(
      new Option('--timeout <time>', 'Maximum duration of the query')
        .argParser(parseTimeLimit)
        .default(30_000, '30s'),
    )
    .addHelpText(
      'after',
      formatExamples(
        'perfscope query "SELECT endpoint, sum(count) FROM performance_metrics GROUP BY endpoint"',
        'perfscope query --csv --limit 100000 < report.sql > report.csv',
        'perfscope query --json "SELECT table_name, table_row_count FROM tables()"',
      ),
    )
    .action(runQuery);
}

/** Reads the statement from stdin. @throws PS_INPUT_UNREADABLE */
async function readStatement(): Promise<string> {
  if (process.stdin.isTTY) printStatus('Type a SELECT statement, then press Enter and Ctrl-D.');
  let text = '';
  try {
    text = await readAll(process.stdin);
  } catch (error) {
    throw createError('PS_INPUT_UNREADABLE', { reason: errorMessage(error) }, error);
  }
  if (text.trim() !== '') return text;
  throw createError('PS_INPUT_UNREADABLE', { reason: 'it is empty' });
}

async function runQuery(
  statement: string | undefined,
  options: QueryCommandOptions,
): Promise<void> {
  const target = requireQuestdbTargets(requireStartupConfig()).read;
  const { runUserQuery } = await import('../storage/sql/run-user-query.ts');
  const { limit, timeout: timeoutMs } = options;
  const text = statement ?? (await readStatement());
  const result = await withQueryErrors(target, () =>
    runUserQuery(target, text, { limit, timeoutMs }),
  );
  const { columns, isText, rows, isTruncated } = result;
  if (options.json) {
    printJson(rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]]))));
  } else if (options.csv) {
    const { stringify } = await import('csv-stringify/sync');
    const neutralize = (cell: unknown, i: number) =>
      typeof cell === 'string' && isText[i] ? neutralizeFormula(cell) : cell;
    const table = [columns.map(neutralizeFormula), ...rows.map((row) => row.map(neutralize))];
    process.stdout.write(stringify(table, { cast: { boolean: String }, quoted_match: /[\t\r]/ }));
  } else {
    process.stdout.write(formatTable(columns, rows));
  }
  if (isTruncated) printStatus(`Only the first ${limit} rows are shown. To get more, set --limit.`);
}
