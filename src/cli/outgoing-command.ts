import { type Command, Option } from 'commander';
import { formatDuration } from '../core/format.ts';
import { UNRESTRICTED_SCOPE } from '../core/tenant-scope.ts';
import { type OutgoingTotals, queryOutgoingTotals } from '../storage/queries/outgoing-calls.ts';
import { getLastRange } from '../storage/queries/time-range.ts';
import { requireStartupConfig, withQueryClient } from './command-context.ts';
import { formatExamples, parseDuration } from './command-options.ts';
import { formatTable, formatValue, print, printJson } from './command-output.ts';

/** Metrics by which hosts can be sorted, highest first. */
const SORT_KEYS = ['rate', 'p95', 'errors'] as const;
type SortKey = (typeof SORT_KEYS)[number];

interface OutgoingOptions {
  last: number;
  sort: SortKey;
  json?: true;
}

export function addOutgoingCommand(program: Command): void {
  program
    .command('outgoing')
    .description('List the hosts that your services call, with rates, errors, and latency')
    .addOption(
      new Option('--last <time>', 'Time range of the metrics')
        .argParser(parseDuration)
        .default(900_000, '15m'),
    )
    .addOption(
      new Option('--sort <metric>', 'Sort hosts by this metric, highest first')
        .choices(SORT_KEYS)
        .default('rate'),
    )
    .option('--json', 'Print one JSON object')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope outgoing',
        'perfscope outgoing --last 1h --sort errors',
        'perfscope outgoing --json | jq .hosts[0]',
      ),
    )
    .action((options: OutgoingOptions) => listHosts(options));
}

async function listHosts({ last, sort, json }: OutgoingOptions): Promise<void> {
  const totals = await withQueryClient(requireStartupConfig(), (queryClient) =>
    queryOutgoingTotals(queryClient, {
      scope: UNRESTRICTED_SCOPE,
      range: getLastRange(last, Date.now()),
      groupBy: ['service', 'endpoint'],
    }),
  );
  const hosts = totals.map(toHost).sort((a, b) => RANKS[sort](b) - RANKS[sort](a));
  if (json) printJson({ hosts });
  else if (hosts.length === 0) print(`No outgoing calls in the last ${formatDuration(last)}.`);
  else process.stdout.write(formatHosts(hosts));
}

type Host = ReturnType<typeof toHost>;

const RANKS: Readonly<Record<SortKey, (host: Host) => number>> = {
  rate: ({ rate }) => rate,
  p95: ({ p95 = 0 }) => p95,
  errors: ({ errorRate = 0 }) => errorRate,
};

function toHost({ group, count, rate, errorRate, errorRates, ...totals }: OutgoingTotals) {
  const { average, p50, p95, p99 } = totals;
  const { service, endpoint: host } = group;
  return { host, service, count, rate, average, p50, p95, p99, errorRate, errorRates };
}

/** Formats hosts as a table. Times are in ms. */
export function formatHosts(hosts: readonly Host[]): string {
  return formatTable(
    ['host', 'service', 'calls/s', 'p50 ms', 'p95 ms', 'p99 ms', 'errors %', 'kinds of errors'],
    hosts.map(({ host, service, rate, p50, p95, p99, errorRate, errorRates }) => [
      host ?? '(unknown)',
      service ?? '',
      ...[rate, p50, p95, p99, errorRate].map((value) => formatValue(value)),
      formatErrorRates(errorRates),
    ]),
  );
}

/** Formats the kinds of errors, most frequent first: `refused 92 %, timeout 3 %`. */
function formatErrorRates(errorRates: Readonly<Record<string, number>>): string {
  return Object.entries(errorRates)
    .sort(([, a], [, b]) => b - a)
    .map(([kind, percent]) => `${kind} ${formatValue(percent)} %`)
    .join(', ');
}
