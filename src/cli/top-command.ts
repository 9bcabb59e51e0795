import { setTimeout as delay } from 'node:timers/promises';
import { styleText } from 'node:util';
import { type Command, Option } from 'commander';
import { errorMessage } from '../core/errors.ts';
import { formatDuration } from '../core/format.ts';
import { UNRESTRICTED_SCOPE } from '../core/tenant-scope.ts';
import { type ProcessHealth, queryProcessHealth } from '../storage/queries/host-health.ts';
import { queryDistributionTotals } from '../storage/queries/metric-totals.ts';
import { getLastRange } from '../storage/queries/query-range.ts';
import { queryQueueStats } from '../storage/queries/queue-stats.ts';
import type { QueryClient } from '../storage/questdb/query-client.ts';
import { requireStartupConfig, withQueryClient } from './command-context.ts';
import { formatExamples, parseDuration } from './command-options.ts';
import { formatTable, formatValue, printJson } from './command-output.ts';

interface TopOptions {
  interval: number;
  last: number;
  sort: SortKey;
  once?: true;
  json?: true;
}

/** The alternate screen keeps what the terminal showed before (xterm's control sequences). */
const ENTER_SCREEN = '\x1b[?1049h\x1b[?25l';
const LEAVE_SCREEN = '\x1b[?25h\x1b[?1049l';
const CLEAR_SCREEN = '\x1b[H\x1b[2J';

export function addTopCommand(program: Command): void {
  program
    .command('top')
    .description('watch endpoints, queues and processes in the terminal; Ctrl-C ends it')
    .addOption(
      new Option('--interval <time>', 'time between two looks')
        .argParser(parseDuration)
        .default(2000, '2s'),
    )
    .addOption(
      new Option('--last <time>', 'time that the figures are of')
        .argParser(parseDuration)
        .default(300_000, '5m'),
    )
    .addOption(
      new Option('--sort <figure>', 'which endpoints come first')
        .choices(SORT_KEYS)
        .default('rate'),
    )
    .option('--once', 'look once; also where the output is not a terminal')
    .option('--json', 'one line of JSON for each look')
    .addHelpText(
      'after',
      formatExamples(
        'perfscope top',
        'perfscope top --last 1h --sort p95',
        'perfscope top --once --json | jq .endpoints[0]',
      ),
    )
    .action((options: TopOptions) =>
      withQueryClient(requireStartupConfig(), (store) => {
        if (options.json) return printJsonLines(store, options);
        return options.once || !process.stdout.isTTY
          ? printOnce(store, options)
          : watchScreen(store, options);
      }),
    );
}

async function printOnce(store: QueryClient, { last, sort }: TopOptions): Promise<void> {
  const figures = await loadTopStats(store, last, sort);
  const room = { rows: Number.POSITIVE_INFINITY, columns: process.stdout.columns ?? 1000 };
  process.stdout.write(`${formatTopScreen(figures, { ...room, isColored: isColorTerminal() })}\n`);
}

async function printJsonLines(
  store: QueryClient,
  { last, sort, once, interval }: TopOptions,
): Promise<void> {
  for (;;) {
    printJson(await loadTopStats(store, last, sort));
    if (once) return;
    await delay(interval);
  }
}

/** QuestDB may go and come back: what it says is shown instead, and the next look may succeed. */
async function watchScreen(
  store: QueryClient,
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
    const text = await loadTopStats(store, last, sort).then(
      (figures) => formatTopScreen(figures, { rows, columns, isColored: isColorTerminal() }),
      (error: unknown) => errorMessage(error),
    );
    process.stdout.write(CLEAR_SCREEN + text);
    await delay(interval, undefined, { signal: stop.signal }).catch(() => {});
  }
  process.removeListener('exit', leave);
  leave();
}

/** Node looks at NO_COLOR and the kind of terminal. */
function isColorTerminal(): boolean {
  return process.stdout.isTTY === true && process.stdout.hasColors();
}

/** What endpoints can be sorted by: the greatest comes first. */
const SORT_KEYS = ['rate', 'p95', 'errors'] as const;
type SortKey = (typeof SORT_KEYS)[number];

const HOST_COLUMNS = [
  'service',
  'instance',
  'status',
  'cpuUsage',
  'memoryUsage',
  'diskUsage',
  'eventLoopDelayP99',
] as const;

/** Rates per second, times in ms, shares and usages in percent; undefined is "nothing reported". */
export interface TopStats {
  at: Date;
  windowMs: number;
  endpoints: {
    service: string | undefined;
    operation: string | undefined;
    endpoint: string | undefined;
    rate: number;
    average: number;
    p95: number | undefined;
    errorRate: number | undefined;
  }[];
  queues: {
    queue: string;
    depth: number | undefined;
    oldestAge: number | undefined;
    arrivalRate: number;
    completionRate: number;
    failureRate: number | undefined;
    processingTime: number | undefined;
  }[];
  hosts: Pick<ProcessHealth, (typeof HOST_COLUMNS)[number]>[];
}

const REQUEST_METRIC = { metricType: 'API_RESPONSE_TIME' } as const;

/** Asks for everything that `top` shows. @throws PS_UNAVAILABLE and others of the windows */
async function loadTopStats(
  store: QueryClient,
  windowMs: number,
  sort: SortKey,
  nowMs: number = Date.now(),
): Promise<TopStats> {
  const question = { scope: UNRESTRICTED_SCOPE, range: getLastRange(windowMs, nowMs) };
  const byEndpoint = { ...question, groupBy: ['service', 'operation', 'endpoint'] } as const;
  const [endpoints, queues, hosts] = await Promise.all([
    queryDistributionTotals(store, byEndpoint, REQUEST_METRIC),
    queryQueueStats(store, question),
    queryProcessHealth(store, question),
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
      .map(({ group, rate, average, p95, errorRate }) => ({
        service: group.service,
        operation: group.operation,
        endpoint: group.endpoint,
        rate,
        average,
        p95,
        errorRate,
      }))
      .sort((a, b) => rank(b) - rank(a) || b.rate - a.rate),
    queues: queues
      .map(({ queue, depth, oldestAge, arrivalRate, completionRate, ...rest }) => ({
        queue,
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
      .sort((a, b) => (b.cpuUsage ?? 0) - (a.cpuUsage ?? 0)),
  };
}

export interface ScreenOptions {
  /** Lines and characters that there is room for; Infinity where it does not matter. */
  readonly rows: number;
  readonly columns: number;
  readonly isColored: boolean;
}

/** Least lines of a section: its titles and a few rows. */
const MIN_SECTION_LINES = 4;

/** What `top` shows, cut to its room. Queues and hosts get what endpoints leave, and a share at least. */
export function formatTopScreen(figures: TopStats, options: ScreenOptions): string {
  const { rows, columns, isColored } = options;
  const title = `perfscope top: the last ${formatDuration(figures.windowMs)} until ${figures.at.toISOString().slice(11, 19)} UTC`;
  const sections = [formatEndpoints(figures), formatQueues(figures), formatHosts(figures)].map(
    (text) => text.trimEnd().split('\n'),
  );
  const room = Math.max(0, rows - 1);
  const rest = sections
    .slice(1)
    .map((lines) => Math.min(lines.length, Math.max(MIN_SECTION_LINES, room >> 2)));
  const left = room - rest.reduce((sum, lines) => sum + lines + 1, 0) - 1;
  const heights = [Math.max(MIN_SECTION_LINES, left), ...rest];
  const lines = [title];
  for (const [i, section] of sections.entries()) {
    const [head = '', ...others] = section.slice(0, heights[i]);
    const cut = head.slice(0, columns);
    lines.push('', isColored ? styleText('bold', cut, { validateStream: false }) : cut);
    lines.push(...others.map((line) => line.slice(0, columns)));
  }
  return lines.slice(0, rows).join('\n');
}

function formatEndpoints({ endpoints: found }: TopStats): string {
  return formatTable(
    ['endpoint', 'service', 'per s', 'mean ms', 'p95 ms', 'errors %'],
    found.map(({ operation, endpoint, service, rate, average, p95, errorRate }) => [
      `${operation ?? ''} ${endpoint ?? '(no route)'}`.trim(),
      service ?? '',
      ...[rate, average, p95, errorRate].map((value) => formatValue(value)),
    ]),
  );
}

function formatQueues({ queues: found }: TopStats): string {
  return formatTable(
    ['queue', 'waiting', 'oldest', 'in per s', 'out per s', 'mean ms', 'failed %'],
    found.map(({ queue, depth, oldestAge, arrivalRate, completionRate, ...rest }) => [
      queue,
      depth ?? '–',
      oldestAge === undefined ? '–' : formatDuration(oldestAge),
      ...[arrivalRate, completionRate, rest.processingTime, rest.failureRate].map((value) =>
        formatValue(value),
      ),
    ]),
  );
}

function formatHosts({ hosts: found }: TopStats): string {
  return formatTable(
    ['process', 'service', 'status', 'CPU %', 'memory %', 'disk %', 'loop p99 ms'],
    found.map(({ instance, service, status, cpuUsage, memoryUsage, diskUsage, ...rest }) => [
      instance,
      service,
      status ?? '–',
      ...[cpuUsage, memoryUsage, diskUsage, rest.eventLoopDelayP99].map((value) =>
        formatValue(value),
      ),
    ]),
  );
}
