import type { Command } from 'commander';
import type { ApiResponse } from '../client/api-types.ts';
import { formatBytes, formatDuration, formatNumber, formatPercent } from '../core/format.ts';
import { formatExamples } from './command-options.ts';
import { formatTable, printJson, printStatus } from './command-output.ts';
import { addServerOptions, type ServerOptions, withServerClient } from './server-client.ts';

type Forecasts = ApiResponse<'forecasts'>;
type Forecast = Forecasts['forecasts'][number];

interface ForecastsOptions extends ServerOptions {
  kind?: Forecast['kind'][];
  service?: string[];
  all?: true;
  json?: true;
}

/** Adds `perfscope forecasts`. */
export function addForecastsCommand(program: Command): void {
  addServerOptions(
    program
      .command('forecasts')
      .description('List when disks, memory, pools, queues, and error budgets reach their limits')
      .addHelpText(
        'after',
        formatExamples(
          'perfscope forecasts',
          'perfscope forecasts --kind disk memory',
          'perfscope forecasts --all --json',
        ),
      ),
  )
    .option(
      '--kind <kind...>',
      'Show only these kinds: disk, memory, pool, queue, requestRate, errorBudget',
    )
    .option('--service <name...>', 'Show only forecasts of these services')
    .option('--all', 'Also list subjects without a forecast, with the reason')
    .option('--json', 'Print JSON')
    .action(async ({ kind, service, all, json, ...options }: ForecastsOptions) => {
      const found = await withServerClient(options, (client) =>
        client.get('forecasts', { kind, service }),
      );
      printForecasts(found, all === true, json === true);
    });
}

function printForecasts(found: Forecasts, isAll: boolean, isJson: boolean): void {
  const { forecasts, updatedAt, problem } = found;
  const shown = isAll ? forecasts : forecasts.filter(isShown);
  if (isJson) {
    printJson({ ...found, forecasts: shown });
    return;
  }
  if (problem !== undefined) printStatus(problem);
  if (updatedAt === undefined) printStatus('The server is still reading measurements.');
  else if (shown.length === 0) printStatus('No forecasts. To list the reasons, use --all.');
  else process.stdout.write(`${formatForecasts(shown)}\n`);
}

function isShown({ status }: Forecast): boolean {
  return status !== 'notPredictable' && status !== 'waiting';
}

/** Returns the table of `perfscope forecasts`, with one line per subject. */
export function formatForecasts(forecasts: readonly Forecast[]): string {
  const head = ['subject', 'now', 'limit', 'per day', 'reaches the limit', 'error (naive)', 'note'];
  return formatTable(head, forecasts.map(toCells)).trimEnd();
}

function toCells(forecast: Forecast): unknown[] {
  const { subject, value, limit, slopePerDay, errors, reason, limitReason, unit } = forecast;
  const format = (number: number | undefined) =>
    number === undefined ? '' : formatForecastValue(number, unit);
  const last = errors.at(-1);
  return [
    subject,
    format(value),
    format(limit),
    format(slopePerDay),
    formatLimitTime(forecast),
    last === undefined ? '' : `${format(last.error)} (${format(last.naive)})`,
    reason ?? limitReason ?? '',
  ];
}

function formatLimitTime({
  status,
  timeToLimit,
  horizon,
  earliestAt,
  latestAt,
  limitAt,
}: Forecast) {
  if (status === 'reached') return 'now';
  if (timeToLimit === undefined || limitAt === undefined) {
    return status === 'clear' && horizon !== undefined
      ? `not within ${formatDuration(horizon)}`
      : '';
  }
  const nowMs = Date.parse(limitAt) - timeToLimit;
  const toText = (at: string | undefined) =>
    at === undefined
      ? `after ${formatDuration(horizon ?? 0)}`
      : formatDuration(Math.max(0, Date.parse(at) - nowMs));
  return `in ${formatDuration(timeToLimit)} (${toText(earliestAt)} to ${toText(latestAt)})`;
}

function formatForecastValue(value: number, unit: string): string {
  if (unit === '%') return formatPercent(value);
  if (unit === 'By') return formatBytes(value);
  return unit === 'ms' ? formatDuration(value) : formatNumber(value);
}
