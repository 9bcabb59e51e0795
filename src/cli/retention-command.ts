import { join } from 'node:path';
import type { Command } from 'commander';
import { readDiscoveryFile } from '../core/config/server-discovery.ts';
import type { StartupConfig } from '../core/config/startup-config.ts';
import { DAY_MS } from '../core/duration.ts';
import { formatBytes, formatDuration } from '../core/format.ts';
import { UNRESTRICTED_SCOPE } from '../core/tenant-scope.ts';
import type { QueryClient } from '../storage/questdb/query-client.ts';
import { requireStartupConfig, withQueryClient } from './command-context.ts';
import { formatExamples } from './command-options.ts';
import { formatTable, formatValue, print, printJson } from './command-output.ts';

const DAYS_PER_UNIT: Readonly<Record<string, number>> = {
  HOUR: 1 / 24,
  DAY: 1,
  WEEK: 7,
  MONTH: 30.44,
  YEAR: 365.25,
};

/** The truth about what is kept. Sizes in bytes; undefined is "not known". */
interface RetentionReport {
  tables: TableReport[];
  /** How `bytes` were found: files of the folder, or what QuestDB says, with reserved pages. */
  measuredBy: 'folder' | 'questdb';
  dataDir: string | undefined;
  freeBytes: number | undefined;
  growthBytesPerDay: number;
  /** Undefined when the disk is not known, or is never full at this rate. */
  daysUntilFull: number | undefined;
  /** Rows that were older than their TTL when they came, within the last raw days. */
  expiredRows: number;
}

interface TableReport {
  name: string;
  configured: string | undefined;
  actual: string | undefined;
  oldest: Date | undefined;
  rows: number;
  bytes: number;
  bytesPerDay: number | undefined;
  rowsPerDay: number | undefined;
  rollup: { status: string; reason: string | undefined; lagMs: number; behind: number } | undefined;
}

export function addRetentionCommand(program: Command): void {
  program
    .command('retention')
    .description(
      'tell how long what was measured is kept, how large it is, and when the disk is full',
    )
    .option('--json', 'as JSON, times as ISO 8601, sizes in bytes')
    .addHelpText('after', formatExamples('perfscope retention', 'perfscope retention --json'))
    .action(async (options: { json?: true }) => {
      const from = requireStartupConfig();
      const report = await withQueryClient(from, (store) =>
        createRetentionReport(from, store, Date.now()),
      );
      if (options.json) printJson(report);
      else printReport(report);
    });
}

async function createRetentionReport(
  from: StartupConfig,
  store: QueryClient,
  nowMs: number,
): Promise<RetentionReport> {
  const { getDiskUsageBytes, getFreeBytes, queryTableStats } = await import(
    '../storage/questdb/table-stats.ts'
  );
  const { getExpectedTtls } = await import('../storage/migrations/apply-retention.ts');
  const { retention, PERFORMANCE_QUESTDB_URL } = from.settings;
  const isForeign = PERFORMANCE_QUESTDB_URL !== undefined;
  const dataDir = isForeign ? undefined : readDiscoveryFile(from.discoveryFile)?.dataDir;
  const stats = await queryTableStats(store.read);
  const wanted = getExpectedTtls(
    stats.map(({ name }) => name),
    retention,
  );
  const tables = await Promise.all(
    stats.map(async (table) => ({
      name: table.name,
      configured: wanted.get(table.name),
      actual: table.ttl,
      oldest: table.oldest,
      rows: table.rows,
      bytes: dataDir
        ? await getDiskUsageBytes(join(dataDir, 'questdb', 'db', table.directory))
        : table.reservedBytes,
      bytesPerDay: table.growth?.bytesPerDay,
      rowsPerDay: table.growth?.rowsPerDay,
      rollup: table.rollup && {
        status: table.rollup.status,
        reason: table.rollup.reason,
        behind: table.rollup.behind,
        lagMs: table.rollup.behind > 0 ? nowMs - (table.rollup.refreshed?.getTime() ?? 0) : 0,
      },
    })),
  );
  const free = dataDir === undefined ? undefined : await getFreeBytes(dataDir);
  const growths = tables.map(({ bytesPerDay = 0, actual, oldest }) => ({
    bytesPerDay,
    forDays: Math.max(0, parseTtlDays(actual) - (nowMs - (oldest?.getTime() ?? nowMs)) / DAY_MS),
  }));
  return {
    tables,
    measuredBy: dataDir === undefined ? 'questdb' : 'folder',
    dataDir,
    freeBytes: free,
    growthBytesPerDay: growths
      .filter(({ forDays }) => forDays > 0)
      .reduce((sum, { bytesPerDay }) => sum + bytesPerDay, 0),
    daysUntilFull: free === undefined ? undefined : computeDaysUntilFull(growths, free),
    expiredRows: await countExpiredRows(store, retention.rawDays, nowMs),
  };
}

/** What processes have counted as dropped because it was older than the TTL. */
async function countExpiredRows(
  store: QueryClient,
  rawDays: number,
  nowMs: number,
): Promise<number> {
  const { queryGauges: gauges } = await import('../storage/queries/gauge-values.ts');
  const { getLastRange: lastOf } = await import('../storage/queries/query-range.ts');
  const counted = await gauges(
    store,
    {
      scope: UNRESTRICTED_SCOPE,
      range: lastOf(rawDays * DAY_MS, nowMs),
      groupBy: ['operation'],
      filter: { operation: ['expired'] },
    },
    { metricType: 'CUSTOM', names: ['perfscope.rows.dropped'] },
  );
  return counted.reduce((total, { sum = 0 }) => total + sum, 0);
}

function parseTtlDays(ttl: string | undefined): number {
  const [amount, unit = ''] = ttl?.split(' ') ?? [];
  return amount === undefined
    ? Number.POSITIVE_INFINITY
    : Number(amount) * (DAYS_PER_UNIT[unit] ?? 1);
}

function printReport(report: RetentionReport): void {
  const head = ['table', 'kept', 'oldest row', 'rows', 'on disk', 'a day', 'roll-up'];
  const rows = report.tables.map((table) => [
    table.name,
    formatRetention(table),
    table.oldest?.toISOString().slice(0, 16).replace('T', ' ') ?? '–',
    table.rows,
    formatBytes(table.bytes),
    table.bytesPerDay === undefined ? '–' : formatBytes(Math.round(table.bytesPerDay)),
    formatRollupStatus(table.rollup),
  ]);
  process.stdout.write(formatTable(head, rows));
  const total = report.tables.reduce((sum, { bytes }) => sum + bytes, 0);
  print(
    report.measuredBy === 'folder'
      ? `${formatBytes(total)} on disk in ${report.dataDir}, with the pages that QuestDB has reserved for rows to come.`
      : `${formatBytes(total)}, as QuestDB says, with its reserved pages; its disk can't be seen from here.`,
  );
  print(
    `Growing by ${formatBytes(Math.round(report.growthBytesPerDay))} a day, seen from whole days.`,
  );
  if (report.freeBytes !== undefined) {
    const days = report.daysUntilFull;
    const when =
      days === undefined ? 'at this rate they last' : `full in ${formatValue(days)} days`;
    print(`${formatBytes(report.freeBytes)} are free: ${when}.`);
  }
  print(`${report.expiredRows} rows came when they were older than their time, and were dropped.`);
}

function formatRetention({ configured, actual }: TableReport): string {
  const said = (ttl: string) => `${ttl.toLowerCase().replace(' ', ' ')}s`;
  if (actual === undefined)
    return configured === undefined ? 'for ever' : `for ever, not ${said(configured)}`;
  if (configured === undefined || configured === actual) return said(actual);
  return `${said(actual)}, ${said(configured)} after the next start`;
}

function formatRollupStatus(rollup: TableReport['rollup']): string {
  if (!rollup) return '';
  if (rollup.reason !== undefined) return `${rollup.status}: ${rollup.reason}`;
  return rollup.lagMs > 0
    ? `${rollup.status}, ${formatDuration(rollup.lagMs)} behind`
    : rollup.status;
}

/** How a table grows, until its oldest rows are dropped as fast as new ones come. */
export interface TableGrowth {
  readonly bytesPerDay: number;
  /** Days for which it still grows; Infinity without a TTL. */
  readonly forDays: number;
}

/** @returns days until `freeBytes` are used up; undefined when they never are at this rate */
export function computeDaysUntilFull(
  growths: readonly TableGrowth[],
  freeBytes: number,
): number | undefined {
  const ends = [...new Set(growths.map(({ forDays }) => forDays))].sort((a, b) => a - b);
  let left = freeBytes;
  let day = 0;
  for (const end of ends) {
    const perDay = growths
      .filter(({ forDays }) => forDays >= end)
      .reduce((sum, { bytesPerDay }) => sum + bytesPerDay, 0);
    if (perDay > 0 && left <= perDay * (end - day)) return day + left / perDay;
    left -= perDay > 0 ? perDay * (end - day) : 0;
    day = end;
  }
  return undefined;
}
