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
import { formatLine, formatTable, formatValue, printJson } from './command-output.ts';

const DAYS_PER_UNIT: Readonly<Record<string, number>> = {
  HOUR: 1 / 24,
  DAY: 1,
  WEEK: 7,
  MONTH: 30.44,
  YEAR: 365.25,
};

/** Longer periods are printed in weeks, because the retention of hourly data is in weeks. */
const MAX_WEEKS_IN_DAYS = 52;

/** Retention and size of the stored data. Sizes are in bytes. Undefined means unknown. */
export interface RetentionReport {
  tables: TableReport[];
  /** Source of `bytes`: the files in the data folder, or QuestDB. Both include reserved pages. */
  measuredBy: 'folder' | 'questdb';
  dataDir: string | undefined;
  freeBytes: number | undefined;
  /** Undefined until at least one table has a full day of data. */
  growthBytesPerDay: number | undefined;
  /** Undefined if the disk or the growth is unknown, or if the disk never fills up at the current rate. */
  daysUntilFull: number | undefined;
  /**
   * Number of rows that processes dropped within the retention period for raw data because the rows
   * were older than the TTL.
   */
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
    .description('Show how long data is stored, how large it is, and when the disk will be full')
    .option('--json', 'Print JSON with ISO 8601 times and sizes in bytes')
    .addHelpText('after', formatExamples('perfscope retention', 'perfscope retention --json'))
    .action(async (options: { json?: true }) => {
      const config = requireStartupConfig();
      const report = await withQueryClient(config, (queryClient) =>
        createRetentionReport(config, queryClient, Date.now()),
      );
      if (options.json) printJson(report);
      else process.stdout.write(formatReport(report));
    });
}

async function createRetentionReport(
  config: StartupConfig,
  queryClient: QueryClient,
  nowMs: number,
): Promise<RetentionReport> {
  const { getDiskUsageBytes, getFreeBytes, queryTableStats } = await import(
    '../storage/questdb/table-stats.ts'
  );
  const { getExpectedTtls } = await import('../storage/migrations/apply-retention.ts');
  const { retention, PERFORMANCE_QUESTDB_URL } = config.settings;
  const isExternal = PERFORMANCE_QUESTDB_URL !== undefined;
  const dataDir = isExternal ? undefined : readDiscoveryFile(config.discoveryFile)?.dataDir;
  const stats = await queryTableStats(queryClient.read);
  const expectedTtls = getExpectedTtls(
    stats.map(({ name }) => name),
    retention,
  );
  const tables = await Promise.all(
    stats.map(async (table) => ({
      name: table.name,
      configured: expectedTtls.get(table.name),
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
  const availableBytes = dataDir === undefined ? undefined : await getFreeBytes(dataDir);
  const growths = tables.map(({ bytesPerDay = 0, actual, oldest }) => ({
    bytesPerDay,
    forDays: Math.max(0, parseTtlDays(actual) - (nowMs - (oldest?.getTime() ?? nowMs)) / DAY_MS),
  }));
  return {
    tables,
    measuredBy: dataDir === undefined ? 'questdb' : 'folder',
    dataDir,
    freeBytes: availableBytes,
    growthBytesPerDay: tables.some(({ bytesPerDay }) => bytesPerDay !== undefined)
      ? growths
          .filter(({ forDays }) => forDays > 0)
          .reduce((sum, { bytesPerDay }) => sum + bytesPerDay, 0)
      : undefined,
    daysUntilFull:
      availableBytes === undefined ? undefined : computeDaysUntilFull(growths, availableBytes),
    expiredRows: await countExpiredRows(queryClient, retention.rawDays, nowMs),
  };
}

/** Returns the number of rows that processes dropped because they were older than the TTL. */
async function countExpiredRows(
  queryClient: QueryClient,
  rawDays: number,
  nowMs: number,
): Promise<number> {
  const { queryGauges } = await import('../storage/queries/gauge-values.ts');
  const { getLastRange } = await import('../storage/queries/time-range.ts');
  const gauges = await queryGauges(
    queryClient,
    {
      scope: UNRESTRICTED_SCOPE,
      range: getLastRange(rawDays * DAY_MS, nowMs),
      groupBy: ['operation'],
      filter: { operation: ['expired'] },
    },
    { metricType: 'CUSTOM', names: ['perfscope.rows.dropped'] },
  );
  return gauges.reduce((total, { sum = 0 }) => total + sum, 0);
}

function parseTtlDays(ttl: string | undefined): number {
  const [amount, unit = ''] = ttl?.split(' ') ?? [];
  return amount === undefined
    ? Number.POSITIVE_INFINITY
    : Number(amount) * (DAYS_PER_UNIT[unit] ?? 1);
}

/** Formats the report as text that ends with a line break. */
export function formatReport(report: RetentionReport): string {
  const head = ['table', 'retention', 'oldest row', 'rows', 'size', 'per day', 'roll-up'];
  const rows = report.tables.map((table) => [
    table.name,
    formatRetention(table),
    table.oldest?.toISOString().slice(0, 16).replace('T', ' ') ?? '–',
    table.rows,
    formatBytes(table.bytes),
    table.bytesPerDay === undefined ? '–' : formatBytes(Math.round(table.bytesPerDay)),
    formatRollupStatus(table.rollup),
  ]);
  const total = formatBytes(report.tables.reduce((sum, { bytes }) => sum + bytes, 0));
  const lines = [
    report.measuredBy === 'folder'
      ? `Total size: ${total} in ${report.dataDir}, including pages that QuestDB reserved for new rows.`
      : `Total size: ${total}, as reported by QuestDB, including reserved pages. Free space is unknown.`,
    formatGrowth(report),
    ...(report.freeBytes === undefined
      ? []
      : [`Free: ${formatBytes(report.freeBytes)}.${formatForecast(report)}`]),
    `Dropped ${report.expiredRows} rows that were older than the retention period.`,
  ];
  return formatTable(head, rows) + lines.map(formatLine).join('');
}

function formatGrowth({ growthBytesPerDay: growth }: RetentionReport): string {
  if (growth === undefined) return 'Growth: unknown until a full day of data is stored.';
  return `Growth: ${formatBytes(Math.round(growth))} per day, based on full days.`;
}

function formatForecast({ growthBytesPerDay, daysUntilFull }: RetentionReport): string {
  if (growthBytesPerDay === undefined) return '';
  if (daysUntilFull === undefined) return ' At this rate, the disk will not fill up.';
  return ` The disk will be full in ${formatValue(daysUntilFull)} days.`;
}

/** Formats a TTL as QuestDB lists it: `1 WEEK` as `7 days`, and `30 DAY` as `30 days`. */
export function formatTtl(ttl: string): string {
  const [amount = '', unit = ''] = ttl.toLowerCase().split(' ');
  const count = Number(amount);
  if (unit === 'week' && count <= MAX_WEEKS_IN_DAYS) return `${count * 7} days`;
  return `${amount} ${unit}${count === 1 ? '' : 's'}`;
}

function formatRetention({ configured, actual }: TableReport): string {
  if (actual === undefined)
    return configured === undefined
      ? 'unlimited'
      : `unlimited (configured: ${formatTtl(configured)})`;
  if (configured === undefined || configured === actual) return formatTtl(actual);
  return `${formatTtl(actual)} (${formatTtl(configured)} after the next start)`;
}

function formatRollupStatus(rollup: TableReport['rollup']): string {
  if (!rollup) return '';
  if (rollup.reason !== undefined) return `${rollup.status}: ${rollup.reason}`;
  return rollup.lagMs > 0
    ? `${rollup.status}, ${formatDuration(rollup.lagMs)} behind`
    : rollup.status;
}

/** Growth of a table. It ends when the table drops old rows as fast as new rows arrive. */
export interface TableGrowth {
  readonly bytesPerDay: number;
  /** Number of days for which the table still grows. Infinity without a TTL. */
  readonly forDays: number;
}

/** @returns number of days until `freeBytes` are used, or undefined if they are never used */
export function computeDaysUntilFull(
  growths: readonly TableGrowth[],
  freeBytes: number,
): number | undefined {
  const ends = [...new Set(growths.map(({ forDays }) => forDays))].sort((a, b) => a - b);
  let remainingBytes = freeBytes;
  let day = 0;
  for (const end of ends) {
    const perDay = growths
      .filter(({ forDays }) => forDays >= end)
      .reduce((sum, { bytesPerDay }) => sum + bytesPerDay, 0);
    if (perDay > 0 && remainingBytes <= perDay * (end - day)) return day + remainingBytes / perDay;
    remainingBytes -= perDay > 0 ? perDay * (end - day) : 0;
    day = end;
  }
  return undefined;
}
