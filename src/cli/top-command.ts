import { styleText } from 'node:util';
import { type Command, Option } from 'commander';
import { delay } from '../core/delay.ts';
import { formatBytes, formatDuration, formatPercent } from '../core/format.ts';
import { errorMessage } from '../core/perfscope-error.ts';
import { UNRESTRICTED_SCOPE } from '../core/tenant-scope.ts';
import { type ProcessHealth, queryProcessHealth } from '../storage/queries/host-health.ts';
import { queryQueueStats } from '../storage/queries/queue-stats.ts';
import type { BreakdownStats } from '../storage/queries/request-breakdowns.ts';
import { queryRequestDistributionTotals } from '../storage/queries/request-totals.ts';
import { getLastRange } from '../storage/queries/time-range.ts';
import type { QueryClient } from '../storage/questdb/query-client.ts';
import { requireStartupConfig, withQueryClient } from './command-context.ts';
import { formatExamples, parseDuration, parseTimeLimit } from './command-options.ts';
import { formatTable, formatValue, printJson } from './command-output.ts';

interface TopOptions {
  interval: number;
  last: number;
  sort: SortKey;
  once?: true;
  json?: true;
}

/** xterm control sequences. The alternate screen preserves the previous terminal contents. */
const ENTER_SCREEN = '\x1b[?1049h\x1b[?25l';
const LEAVE_SCREEN = '\x1b[?25h\x1b[?1049l';
const CLEAR_SCREEN = '\x1b[H\x1b[2J';

export function addTopCommand(program: Command): void {
  program
    .command('top')
    .description('Monitor endpoints, queues, and processes in the terminal until you press Ctrl-C')
    .addOption(
      new Option('--interval <time>', 'Time between updates')
        .argParser(parseTimeLimit)
        .default(2000, '2s'),
    )
    .addOption(
      new Option('--last <time>', 'Time range of the metrics')
        .argParser(parseDuration)
        .default(300_000, '5m'),
    )
    .addOption(
      new Option('--sort <metric>', 'Sort endpoints by this metric, highest first')
        .choices(SORT_KEYS)
        .default('rate'),
    )
    .option('--once', 'Print once and exit; default if the output is not a terminal')
    .option('--json', 'Print one line of JSON per update')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope top',
        'perfscope top --last 1h --sort p95',
        'perfscope top --once --json | jq .endpoints[0]',
      ),
    )
    .action((options: TopOptions) =>
      withQueryClient(requireStartupConfig(), (queryClient) => {
        if (options.json) return printJsonLines(queryClient, options);
        return options.once || !process.stdout.isTTY
          ? printOnce(queryClient, options)
          : watchScreen(queryClient, options);
      }),
    );
}

async function printOnce(queryClient: QueryClient, { last, sort }: TopOptions): Promise<void> {
  const stats = await loadTopStats(queryClient, last, sort);
  const size = { rows: Number.POSITIVE_INFINITY, columns: process.stdout.columns ?? 1000 };
  process.stdout.write(`${formatTopScreen(stats, { ...size, isColored: isColorTerminal() })}\n`);
}

async function printJsonLines(
  queryClient: QueryClient,
  { last, sort, once, interval }: TopOptions,
): Promise<void> {
  for (;;) {
    printJson(await loadTopStats(queryClient, last, sort));
    if (once) return;
    await delay(interval);
  }
}

/** Updates the screen. If QuestDB fails, shows the error and tries again at the next update. */
async function watchScreen(
  queryClient: QueryClient,
  { last, sort, interval }: TopOptions,
): Promise<void> {
  const stop = new AbortController();
  const leave = () => process.stdout.write(LEAVE_SCREEN);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => stop.abort());
  }
  process.once('exit', leave);
  process.stdout.write(ENTER_SCREEN);
  while (!stop.signal.aborted) {
    const { rows, columns } = process.stdout;
    const text = await loadTopStats(queryClient, last, sort).then(
      (stats) => formatTopScreen(stats, { rows, columns, isColored: isColorTerminal() }),
      (error: unknown) => errorMessage(error),
    );
    process.stdout.write(CLEAR_SCREEN + text);
    await delay(interval, { signal: stop.signal });
  }
  process.removeListener('exit', leave);
  leave();
}

/** Returns whether to use colors. Node checks NO_COLOR and the terminal type. */
function isColorTerminal(): boolean {
  return process.stdout.isTTY === true && process.stdout.hasColors();
}

/** Metrics by which endpoints can be sorted, highest first. */
const SORT_KEYS = ['rate', 'p95', 'errors'] as const;
type SortKey = (typeof SORT_KEYS)[number];

const HOST_COLUMNS = [
  'service',
  'instance',
  'status',
  'processCpuUsage',
  'processMemory',
  'host',
  'cpuUsage',
  'memoryUsage',
  'diskUsage',
  'eventLoopDelayP99',
] as const;

/**
 * Rates are per second, times in ms, sizes in bytes, and ratios in percent. Undefined means that no data exists.
 * In `hosts`, `cpuUsage`, `memoryUsage`, and `diskUsage` are about the container or the host.
 */
export interface TopStats {
  at: Date;
  windowMs: number;
  endpoints: {
    service: string | undefined;
    operation: string | undefined;
    endpoint: string | undefined;
    rate: number;
    average: number | undefined;
    p95: number | undefined;
    errorRate: number | undefined;
    /** Mean time in ms per request by part, longest first. Empty without a breakdown. */
    parts: readonly RequestPartTime[];
  }[];
  queues: {
    queue: string;
    scope: string | undefined;
    depth: number | undefined;
    oldestAge: number | undefined;
    arrivalRate: number;
    completionRate: number;
    failureRate: number | undefined;
    processingTime: number | undefined;
  }[];
  hosts: Pick<ProcessHealth, (typeof HOST_COLUMNS)[number]>[];
}

/** Part of the time of requests. */
interface RequestPartTime {
  readonly name: string;
  readonly ms: number;
  /** Share of the time in percent. */
  readonly share: number;
}

/** Lists the parts of the time of requests, longest first. */
function listParts(stats: BreakdownStats): RequestPartTime[] {
  const parts: [name: string, ms: number | undefined, share: number | undefined][] = [
    ['database', stats.databaseTime, stats.databaseShare],
    ['outgoing', stats.outgoingTime, stats.outgoingShare],
    ['queue', stats.queueTime, stats.queueShare],
    ['connection', stats.connectionWaitTime, stats.connectionWaitShare],
    ['event loop', stats.eventLoopWaitTime, stats.eventLoopWaitShare],
    ['own', stats.ownTime, stats.ownShare],
  ];
  return parts
    .flatMap(([name, ms = 0, share = 0]) => (ms > 0 ? [{ name, ms, share }] : []))
    .sort((a, b) => b.ms - a.ms);
}

/** Runs all queries for `top`. @throws PS_UNAVAILABLE and other query errors */
async function loadTopStats(
  queryClient: QueryClient,
  windowMs: number,
  sort: SortKey,
  nowMs: number = Date.now(),
): Promise<TopStats> {
  const query = { scope: UNRESTRICTED_SCOPE, range: getLastRange(windowMs, nowMs) };
  const byEndpoint = { ...query, groupBy: ['service', 'operation', 'endpoint'] } as const;
  const [endpoints, queues, hosts] = await Promise.all([
    queryRequestDistributionTotals(queryClient, byEndpoint),
    queryQueueStats(queryClient, query),
    queryProcessHealth(queryClient, query),
  ]);
  const rank = {
    rate: (each: { rate: number }) => each.rate,
    p95: (each: { p95: number | undefined }) => each.p95 ?? 0,
    errors: (each: { errorRate: number | undefined }) => each.errorRate ?? 0,
  }[sort] as (each: TopStats['endpoints'][number]) => number;
  return {
    at: new Date(nowMs),
    windowMs,
    endpoints: endpoints
      .filter(({ count }) => count > 0)
      .map(({ group, rate, average, p95, errorRate, ...rest }) => ({
        service: group.service,
        operation: group.operation,
        endpoint: group.endpoint,
        rate,
        average,
        p95,
        errorRate,
        parts: listParts(rest),
      }))
      .sort((a, b) => rank(b) - rank(a) || b.rate - a.rate),
    queues: queues
      .map(({ queue, scope, depth, oldestAge, arrivalRate, completionRate, ...rest }) => ({
        queue,
        scope,
        depth,
        oldestAge,
        arrivalRate,
        completionRate,
        failureRate: rest.failureRate,
        processingTime: rest.processingTime,
      }))
      .sort((a, b) => (b.depth ?? 0) - (a.depth ?? 0)),
    hosts: hosts
      .map(
        (host) =>
          Object.fromEntries(
            HOST_COLUMNS.map((name) => [name, host[name]]),
          ) as TopStats['hosts'][number],
      )
      .sort((a, b) => (b.processCpuUsage ?? 0) - (a.processCpuUsage ?? 0)),
  };
}

export interface ScreenOptions {
  /** Size of the screen in characters. Infinity means no limit. */
  readonly rows: number;
  readonly columns: number;
  readonly isColored: boolean;
}

/** Minimum number of lines per section, for the header and a few rows. */
const MIN_SECTION_LINES = 4;

/** Formats the screen of `top`. Queues and hosts get up to a quarter each, and endpoints the rest. */
export function formatTopScreen(stats: TopStats, options: ScreenOptions): string {
  const { rows, columns, isColored } = options;
  const title = `perfscope top: last ${formatDuration(stats.windowMs)} until ${stats.at.toISOString().slice(11, 19)} UTC`;
  const sections = [formatEndpoints(stats), formatQueues(stats), formatHosts(stats)].map((text) =>
    text.trimEnd().split('\n'),
  );
  const availableLines = Math.max(0, rows - 1);
  const otherHeights = sections
    .slice(1)
    .map((lines) => Math.min(lines.length, Math.max(MIN_SECTION_LINES, availableLines >> 2)));
  const endpointLines =
    availableLines - otherHeights.reduce((sum, lines) => sum + lines + 1, 0) - 1;
  const heights = [Math.max(MIN_SECTION_LINES, endpointLines), ...otherHeights];
  const lines = [title];
  for (const [i, section] of sections.entries()) {
    const [head = '', ...tableRows] = section.slice(0, heights[i]);
    const header = head.slice(0, columns);
    lines.push('', isColored ? styleText('bold', header, { validateStream: false }) : header);
    lines.push(...tableRows.map((line) => line.slice(0, columns)));
  }
  return lines.slice(0, rows).join('\n');
}

function formatEndpoints({ endpoints }: TopStats): string {
  return formatTable(
    ['endpoint', 'service', 'req/s', 'mean ms', 'p95 ms', 'errors %', 'waiting for'],
    endpoints.map(({ operation, endpoint, service, rate, average, p95, errorRate, parts }) => [
      `${operation ?? ''} ${endpoint ?? '(no route)'}`.trim(),
      service ?? '',
      ...[rate, average, p95, errorRate].map((value) => formatValue(value)),
      formatParts(parts),
    ]),
  );
}

/** Formats the parts with at least 10 % of the time: `database 62 %, own 38 %`. */
function formatParts(parts: readonly RequestPartTime[]): string {
  const large = parts.filter(({ share }) => share >= 10);
  return large.map(({ name, share }) => `${name} ${formatPercent(share)}`).join(', ') || '–';
}

function formatQueues({ queues }: TopStats): string {
  return formatTable(
    ['queue', 'scope', 'waiting', 'oldest', 'in/s', 'out/s', 'mean ms', 'failed %'],
    queues.map(({ queue, scope, depth, oldestAge, arrivalRate, completionRate, ...rest }) => [
      queue,
      scope ?? '–',
      depth ?? '–',
      depth === 0 || oldestAge === undefined ? '–' : formatDuration(oldestAge),
      ...[arrivalRate, completionRate, rest.processingTime, rest.failureRate].map((value) =>
        formatValue(value),
      ),
    ]),
  );
}

function formatHosts({ hosts }: TopStats): string {
  const head = ['process', 'service', 'status', 'CPU %', 'memory', 'loop p99 ms'];
  return formatTable(
    [...head, 'host CPU %', 'host memory %', 'host disk %'],
    hosts.map(({ instance, service, status, processCpuUsage, processMemory, ...rest }) => [
      instance,
      service,
      status ?? '–',
      formatValue(processCpuUsage),
      processMemory === undefined ? '–' : formatBytes(processMemory),
      ...[rest.eventLoopDelayP99, rest.cpuUsage, rest.memoryUsage, rest.diskUsage].map((value) =>
        formatValue(value),
      ),
    ]),
  );
}
