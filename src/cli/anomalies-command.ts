import type { Command } from 'commander';
import type { ApiResponse } from '../client/api-types.ts';
import { formatDuration, formatNumber, formatPercent } from '../core/format.ts';
import { formatExamples } from './command-options.ts';
import { formatTable, printJson, printStatus } from './command-output.ts';
import { addServerOptions, type ServerOptions, withServerClient } from './server-client.ts';

interface AnomaliesOptions extends ServerOptions {
  all?: true;
  json?: true;
}

type Anomaly = ApiResponse<'anomalies'>['anomalies'][number];

/** Adds `perfscope anomalies`. */
export function addAnomaliesCommand(program: Command): void {
  addServerOptions(
    program
      .command('anomalies')
      .description('List series that are outside of their normal values now')
      .addHelpText(
        'after',
        formatExamples(
          'perfscope anomalies',
          'perfscope anomalies --all',
          'perfscope anomalies --json',
        ),
      ),
  )
    .option('--all', 'Also list series with normal values, and series without a band')
    .option('--json', 'Print JSON')
    .action(async (options: AnomaliesOptions) => {
      const all = options.all === true;
      const found = await withServerClient(options, (client) => client.get('anomalies', { all }));
      if (options.json) printJson(found);
      else printAnomalies(found);
    });
}

function printAnomalies(found: ApiResponse<'anomalies'>): void {
  const { anomalies } = found;
  if (anomalies.length > 0) process.stdout.write(`${formatAnomalies(anomalies)}\n`);
  printStatus(describeCounts(found));
}

/** Returns the numbers of series by status. */
export function describeCounts({
  outside,
  ready,
  learning,
  unknown,
}: Pick<ApiResponse<'anomalies'>, 'outside' | 'ready' | 'learning' | 'unknown'>): string {
  const verb = outside === 1 ? 'series is' : 'series are';
  return `${outside} ${verb} outside of normal values. ${ready} have a band, ${learning} are still learning, and ${unknown} have no normal values.`;
}

/** Returns the table of `perfscope anomalies`. */
export function formatAnomalies(anomalies: readonly Anomaly[]): string {
  const head = ['series', 'labels', 'value', 'normal values', 'distance', 'status', 'note'];
  return formatTable(head, anomalies.map(toCells)).trimEnd();
}

function toCells(anomaly: Anomaly): unknown[] {
  const { metricType, aggregate, group, value, lower, upper, distance, status, outside } = anomaly;
  const format = createFormat(anomaly);
  const range =
    lower === undefined || upper === undefined ? '' : `${format(lower)} to ${format(upper)}`;
  const note = [anomaly.deploy, status === 'ready' ? anomaly.note : anomaly.text];
  return [
    `${aggregate} of ${metricType}`,
    Object.entries(group)
      .map(([name, text]) => `${name}=${text}`)
      .join(' '),
    value === undefined ? '' : format(value),
    range,
    distance === undefined ? '' : formatNumber(distance),
    outside ? 'outside' : status === 'ready' ? 'normal' : status,
    note.filter(Boolean).join('; '),
  ];
}

/** Ends of the metric types whose values are durations. */
const DURATION_ENDS = ['_TIME', '_DURATION', '_AGE', '_DELAY'];

function createFormat({
  metricType,
  aggregate,
}: Pick<Anomaly, 'metricType' | 'aggregate'>): (value: number) => string {
  if (aggregate === 'errorRate') return (value) => formatPercent(value);
  if (aggregate === 'rate') return (value) => `${formatNumber(value)}/s`;
  if (aggregate === 'count') return formatNumber;
  const isDuration = DURATION_ENDS.some((end) => metricType.endsWith(end));
  return isDuration ? formatDuration : formatNumber;
}
