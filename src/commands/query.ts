import { text as readAll } from 'node:stream/consumers';
import { type Command, Option } from 'commander';
import { duration, examples, positive } from './options.ts';
import { note, sayJson, tableOf } from './output.ts';
import { started, targetsOf } from './start.ts';

interface QueryCommandOptions {
  json?: true;
  csv?: true;
  limit: number;
  timeout: number;
}

export function addQuery(program: Command): void {
  program
    .command('query')
    .description("run one SELECT over all tenants' rows, for administrators; nothing else is run")
    .argument('[statement]', 'the SELECT; read from stdin when it is left out')
    .addOption(new Option('--json', 'rows as a JSON array of objects').conflicts('csv'))
    .option('--csv', 'rows as CSV with a line of titles')
    .option('--limit <rows>', 'most rows of the answer', positive, 1000)
    .addOption(
      new Option('--timeout <time>', 'longest time that it may take')
        .argParser(duration)
        .default(30_000, '30s'),
    )
    .addHelpText(
      'after',
      examples(
        'perfscope query "SELECT endpoint, sum(count) FROM performance_metrics GROUP BY endpoint"',
        'perfscope query --csv --limit 100000 < report.sql > report.csv',
        'perfscope query --json "SELECT table_name, table_row_count FROM tables()"',
      ),
    )
    .action(query);
}

async function query(statement: string | undefined, options: QueryCommandOptions): Promise<void> {
  const target = targetsOf(started()).read;
  const { typedQuery } = await import('../questdb/typed-query.ts');
  const { limit, timeout: timeoutMs } = options;
  const text = statement ?? (await readAll(process.stdin));
  const { columns, rows, cut } = await typedQuery(target, text, { limit, timeoutMs });
  if (options.json) {
    sayJson(rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]]))));
  } else if (options.csv) {
    const { stringify } = await import('csv-stringify/sync');
    process.stdout.write(stringify([columns, ...rows], { cast: { boolean: String } }));
  } else {
    process.stdout.write(tableOf(columns, rows));
  }
  if (cut) note(`There are more than these ${limit} rows; --limit shows more.`);
}
