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
    .description("run one SELECT over all tenants' rows, for administrators; nothing else is run")
    .argument('[statement]', 'the SELECT; read from stdin when it is left out')
    .addOption(new Option('--json', 'rows as a JSON array of objects').conflicts('csv'))
    .option('--csv', 'rows as CSV with a line of titles')
    .option('--limit <rows>', 'most rows of the answer', parsePositiveInteger, 1000)
    .addOption(
      new Option('--timeout <time>', 'longest time that it may take')
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
  const { runUserQuery: typedQuery } = await import('../storage/sql/user-query.ts');
  const { limit, timeout: timeoutMs } = options;
  const text = statement ?? (await readAll(process.stdin));
  const { columns, rows, isTruncated: cut } = await typedQuery(target, text, { limit, timeoutMs });
  if (options.json) {
    printJson(rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]]))));
  } else if (options.csv) {
    const { stringify } = await import('csv-stringify/sync');
    process.stdout.write(stringify([columns, ...rows], { cast: { boolean: String } }));
  } else {
    process.stdout.write(formatTable(columns, rows));
  }
  if (cut) printStatus(`There are more than these ${limit} rows; --limit shows more.`);
}
