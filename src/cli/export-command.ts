import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { HOUR_MS } from '../core/duration.ts';
import { createError } from '../core/errors.ts';
import { formatBytes } from '../core/format.ts';
import type { ExportFormat } from '../storage/sql/export-query.ts';
import { requireQuestdbTargets, requireStartupConfig } from './command-context.ts';
import { formatExamples, parseDuration } from './command-options.ts';
import { ProgressLine, print, printJson } from './command-output.ts';

interface ExportCommandOptions {
  query?: string;
  format: ExportFormat;
  output: string;
  last?: number;
  organization?: string;
  property?: string;
  timeout: number;
  force?: true;
  json?: true;
}

export function addExportCommand(program: Command): void {
  program
    .command('export')
    .description("write a table's rows, or the answer of a SELECT, to a file")
    .argument('[table]', 'the table or roll-up')
    .addOption(
      new Option('--query <statement>', 'one SELECT, instead of a table').conflicts([
        'last',
        'organization',
        'property',
      ]),
    )
    .requiredOption('-o, --output <file>', 'where it is written to')
    .addOption(
      new Option('--format <format>', 'csv or parquet').choices(['csv', 'parquet']).default('csv'),
    )
    .option('--last <time>', 'only rows of the last 24h, 7d, …', parseDuration)
    .option('--organization <name>', 'only rows of this organization')
    .option('--property <name>', 'only rows of this property')
    .addOption(
      new Option('--timeout <time>', 'longest time that QuestDB may take')
        .argParser(parseDuration)
        .default(HOUR_MS, '1h'),
    )
    .option('--force', 'overwrite a file that exists')
    .option('--json', 'tell file, bytes and rows as JSON')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope export performance_metrics --last 24h -o day.csv',
        'perfscope export metric_buckets_1h --format parquet -o buckets.parquet',
        'perfscope export queue_metrics --organization "Hotel Adler" -o adler.csv',
        'perfscope export --query "SELECT endpoint, sum(count) FROM performance_metrics" -o sums.csv',
      ),
    )
    .action((table: string | undefined, options: ExportCommandOptions, command: Command) => {
      if ((table === undefined) === (options.query === undefined)) {
        command.error('error: either a table or --query is needed');
      }
      return exportRows(
        options.query ?? toSelectStatement(String(table), options, Date.now()),
        options,
      );
    });
}

/** What is exported of a table. Over HTTP nothing can be bound: names are checked, and texts quoted. */
function toSelectStatement(
  table: string,
  { last, organization, property }: ExportCommandOptions,
  nowMs: number,
): string {
  if (!/^[a-z][a-z0-9_]{0,99}$/.test(table)) {
    throw createError('PS_SQL_REFUSED', { reason: `${table} is not the name of a table` });
  }
  const quoted = (value: string) => `'${value.replaceAll("'", "''")}'`;
  const conditions = [
    ...(last === undefined ? [] : [`timestamp >= '${new Date(nowMs - last).toISOString()}'`]),
    ...(organization === undefined ? [] : [`organization_id = ${quoted(organization)}`]),
    ...(property === undefined ? [] : [`property_id = ${quoted(property)}`]),
  ];
  const where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '';
  return `SELECT * FROM ${table}${where}`;
}

async function exportRows(statement: string, options: ExportCommandOptions): Promise<void> {
  const target = requireQuestdbTargets(requireStartupConfig()).write;
  const file = resolve(options.output);
  if (existsSync(file) && !options.force) throw createError('PS_FILE_EXISTS', { file });
  const { exportQuery: exportTo } = await import('../storage/sql/export-query.ts');
  const { format, timeout: timeoutMs } = options;
  const progress = new ProgressLine();
  const written = await exportTo(target, statement, {
    file,
    format,
    timeoutMs,
    onProgress: ({ bytes, rows }) => {
      progress.show(`${rows === undefined ? '' : `${rows} rows, `}${formatBytes(bytes)}`);
    },
  }).finally(() => progress.clear());
  const { rows, bytes } = written;
  if (options.json) printJson({ file, format, bytes, rows });
  else print(`${file}: ${rows === undefined ? '' : `${rows} rows, `}${formatBytes(bytes)}`);
}
