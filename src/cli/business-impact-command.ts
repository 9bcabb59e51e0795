import type { Command } from 'commander';
import type { ApiResponse } from '../client/api-types.ts';
import { formatDuration, formatNumber } from '../core/format.ts';
import { formatExamples } from './command-options.ts';
import { formatTable, printJson, printStatus } from './command-output.ts';
import { addServerOptions, type ServerOptions, withServerClient } from './server-client.ts';

type Impact = ApiResponse<'businessImpact'>;
type ImpactResult = Impact['results'][number];

interface BusinessImpactOptions extends ServerOptions {
  service?: string;
  outcome?: string;
  exposure?: string;
  latency?: string;
  last?: string;
  json?: true;
}

/** Adds `perfscope business-impact`. */
export function addBusinessImpactCommand(program: Command): void {
  addServerOptions(
    program
      .command('business-impact')
      .description('Compare outcomes, such as bookings, between slow and fast times')
      .addHelpText(
        'after',
        formatExamples(
          'perfscope business-impact',
          'perfscope business-impact --outcome "POST /bookings" --exposure "GET /rooms" --last 28d',
          'perfscope business-impact --service booking --outcome metric:paid --json',
        ),
      ),
  )
    .option('--service <name>', 'Service. Default: the service with the most requests')
    .option('--outcome <source>', 'Endpoint such as "POST /bookings", or metric:NAME')
    .option('--exposure <source>', 'Endpoint such as "GET /rooms", requests, or activeUsers')
    .option('--latency <source>', 'Endpoint whose latency counts. Default: the exposure')
    .option('--last <duration>', 'Length of the range, at most 31d. Default: 14d')
    .option('--json', 'Print JSON')
    .action(async ({ json, ...options }: BusinessImpactOptions) => {
      const { service, outcome, exposure, latency, last } = options;
      const selected = service === undefined ? undefined : [service];
      const query = { service: selected, outcome, exposure, latency, last };
      const impact = await withServerClient(options, (client) =>
        client.get('businessImpact', query),
      );
      if (json) printJson(impact);
      else printImpact(impact);
    });
}

function printImpact({ selection, results }: Impact): void {
  if (!selection) {
    printStatus('Nothing to compare. Set --service, --outcome, and --exposure.');
    return;
  }
  const { service, outcome, exposure, latency } = selection;
  printStatus(`${service}: ${outcome} per ${exposure}, by the latency of ${latency}`);
  process.stdout.write(`${results.map(formatImpact).join('\n\n')}\n`);
}

/** Returns the sentences of a result, and the table of its latency bands. */
export function formatImpact({ organizationId, sentences, bands }: ImpactResult): string {
  const title = organizationId === undefined ? 'All organizations' : organizationId;
  const rows = bands.map(({ from, to, intervals, outcome, rate, relative }) => [
    to === undefined
      ? `from ${formatDuration(from)}`
      : `${formatDuration(from)} to ${formatDuration(to)}`,
    formatNumber(intervals),
    formatNumber(outcome),
    formatNumber(100 * rate),
    relative === undefined
      ? ''
      : `${formatNumber(relative.ratio)} (${formatNumber(relative.lower)} to ${formatNumber(relative.upper)})`,
  ]);
  const head = ['latency', 'intervals', 'outcomes', 'per 100', 'ratio to fast (95 %)'];
  const table = rows.length > 0 ? [formatTable(head, rows).trimEnd()] : [];
  return [title, ...sentences, ...table].join('\n');
}
