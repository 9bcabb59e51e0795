import { text as readAll } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import { requireQuestdbTargets, requireStartupConfig } from './command-context.ts';
import { formatExamples, parseDuration, parsePositiveInteger } from './command-options.ts';
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
    .option('--csv', 'Print rows as CSV with a header line')
    .option('--limit <rows>', 'Maximum number of rows', parsePositiveInteger, 1000)
    .addOption(
      new Option('--timeout <time>', 'Maximum duration of the query')
        .argParser(parseDuration)
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

async function runQuery(
  statement: string | undefined,
  options: QueryCommandOptions,
): Promise<void> {
  const target = requireQuestdbTargets(requireStartupConfig()).read;
  const { runUserQuery } = await import('../storage/sql/run-user-query.ts');
  const { limit, timeout: timeoutMs } = options;
  const text = statement ?? (await readAll(process.stdin));
  const { columns, rows, isTruncated } = await runUserQuery(target, text, { limit, timeoutMs });
  if (options.json) {
    printJson(rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]]))));
  } else if (options.csv) {
    const { stringify } = await import('csv-stringify/sync');
    process.stdout.write(stringify([columns, ...rows], { cast: { boolean: String } }));
  } else {
    process.stdout.write(formatTable(columns, rows));
  }
  if (isTruncated) printStatus(`Only the first ${limit} rows are shown. To get more, set --limit.`);
}
