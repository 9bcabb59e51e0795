import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { HOUR_MS } from '../core/duration.ts';
import { formatBytes } from '../core/format.ts';
import { createError } from '../core/perfscope-error.ts';
import { toCurrentRollupName } from '../core/schema/rollup-names.ts';
import type { ExportFormat } from '../storage/sql/export-query.ts';
import { requireQuestdbTargets, requireStartupConfig } from './command-context.ts';
import { formatExamples, parseDuration, parseTimeLimit } from './command-options.ts';
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

/** The option value for stdout. */
const STDOUT = '-';

export function addExportCommand(program: Command): void {
  program
    .command('export')
    .description('Write the rows of a table, or the result of a SELECT, to a file')
    .usage('[options] (<table> | --query <statement>) -o <file>')
    .argument(
      '[table]',
      'Name of the table or roll-up; the version at the end of a roll-up name is optional',
    )
    .addOption(
      new Option('--query <statement>', 'SELECT statement to export instead of a table').conflicts([
        'last',
        'organization',
        'property',
      ]),
    )
    .requiredOption('-o, --output <file>', 'Output file, or - for stdout')
    .addOption(
      new Option(
        '--format <format>',
        "Output format; in CSV, text that a spreadsheet would run as a formula gets a ' prefix",
      )
        .choices(['csv', 'parquet'])
        .default('csv'),
    )
    .option('--last <time>', 'Time range to export, ending now, such as 24h or 7d', parseDuration)
    .option('--organization <name>', 'Export only rows of this organization')
    .option('--property <name>', 'Export only rows of this property')
    .addOption(
      new Option('--timeout <time>', 'Maximum duration of the export')
        .argParser(parseTimeLimit)
        .default(HOUR_MS, '1h'),
    )
    .option('--force', 'Overwrite an existing file')
    .option('--json', 'Print the file, size, and number of rows as JSON')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope export performance_metrics --last 24h -o day.csv',
        'perfscope export metric_buckets_1h --format parquet -o buckets.parquet',
        'perfscope export error_logs --last 1h -o - | gzip > errors.csv.gz',
        'perfscope export queue_metrics --organization "Hotel Adler" -o adler.csv',
        'perfscope export --query "SELECT endpoint, sum(count) FROM performance_metrics" -o sums.csv',
      ),
    )
    .action((table: string | undefined, options: ExportCommandOptions, command: Command) => {
      if ((table === undefined) === (options.query === undefined)) {
        command.error('error: specify either a table or --query');
      }
      if (options.output === STDOUT && options.json) {
        command.error('error: --json needs an output file, because stdout contains the rows');
      }
      return exportRows(
        options.query ?? toSelectStatement(String(table), options, Date.now()),
        options,
      );
    });
}

/**
 * Returns the SELECT for a table. The HTTP API has no bind variables, so this function validates the
 * name and quotes the values.
 */
function toSelectStatement(
  table: string,
  { last, organization, property }: ExportCommandOptions,
  nowMs: number,
): string {
  if (!/^[a-z][a-z0-9_]{0,99}$/.test(table)) {
    throw createError('PS_SQL_REFUSED', { reason: `${table} is not a valid table name` });
  }
  const quote = (value: string) => `'${value.replaceAll("'", "''")}'`;
  const conditions = [
    ...(last === undefined ? [] : [`timestamp >= '${new Date(nowMs - last).toISOString()}'`]),
    ...(organization === undefined ? [] : [`organization_id = ${quote(organization)}`]),
    ...(property === undefined ? [] : [`property_id = ${quote(property)}`]),
  ];
  const where = conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '';
  return `SELECT * FROM ${toCurrentRollupName(table)}${where}`;
}

async function exportRows(statement: string, options: ExportCommandOptions): Promise<void> {
  const target = requireQuestdbTargets(requireStartupConfig()).write;
  const isStdout = options.output === STDOUT;
  const file = resolve(options.output);
  if (!isStdout && existsSync(file) && !options.force) {
    throw createError('PS_FILE_EXISTS', { file });
  }
  const { exportQuery } = await import('../storage/sql/export-query.ts');
  const { format, timeout: timeoutMs } = options;
  const progress = new ProgressLine();
  const { rows, bytes } = await exportQuery(target, statement, {
    output: isStdout ? process.stdout : file,
    format,
    timeoutMs,
    onProgress: ({ bytes, rows }) => {
      progress.show(`${rows === undefined ? '' : `${rows} rows, `}${formatBytes(bytes)}`);
    },
  }).finally(() => progress.clear());
  if (isStdout) return;
  if (options.json) printJson({ file, format, bytes, rows });
  else print(`${file}: ${rows === undefined ? '' : `${rows} rows, `}${formatBytes(bytes)}`);
}
