import { join } from 'node:path';
import type { Command } from 'commander';
import { discover } from '../config/discovery.ts';
import type { Started } from '../config/environment.ts';
import { EVERYTHING } from '../schema/scope.ts';
import type { Store } from '../windows/store.ts';
import { daysUntilFull } from './disk-forecast.ts';
import { examples } from './options.ts';
import { say, sayJson, tableOf } from './output.ts';
import { started, withStore } from './start.ts';
import { bytesSaid, durationSaid, figureSaid } from './words.ts';

const DAY_MS = 86_400_000;
const UNIT_DAYS: Readonly<Record<string, number>> = {
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

export function addRetention(program: Command): void {
  program
    .command('retention')
    .description(
      'tell how long what was measured is kept, how large it is, and when the disk is full',
    )
    .option('--json', 'as JSON, times as ISO 8601, sizes in bytes')
    .addHelpText('after', examples('perfscope retention', 'perfscope retention --json'))
    .action(async (options: { json?: true }) => {
      const from = started();
      const report = await withStore(from, (store) => retentionReport(from, store, Date.now()));
      if (options.json) sayJson(report);
      else tell(report);
    });
}

async function retentionReport(
  from: Started,
  store: Store,
  nowMs: number,
): Promise<RetentionReport> {
  const { tableStats } = await import('../questdb/table-stats.ts');
  const { wantedTtls } = await import('../questdb/rollups.ts');
  const { diskBytes, freeBytes } = await import('../questdb/disk.ts');
  const { retention, PERFORMANCE_QUESTDB_URL } = from.settings;
  const isForeign = PERFORMANCE_QUESTDB_URL !== undefined;
  const dataDir = isForeign ? undefined : discover(from.discoveryFile)?.dataDir;
  const stats = await tableStats(store.read);
  const wanted = wantedTtls(
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
        ? await diskBytes(join(dataDir, 'questdb', 'db', table.directory))
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
  const free = dataDir === undefined ? undefined : await freeBytes(dataDir);
  const growths = tables.map(({ bytesPerDay = 0, actual, oldest }) => ({
    bytesPerDay,
    forDays: Math.max(0, daysOf(actual) - (nowMs - (oldest?.getTime() ?? nowMs)) / DAY_MS),
  }));
  return {
    tables,
    measuredBy: dataDir === undefined ? 'questdb' : 'folder',
    dataDir,
    freeBytes: free,
    growthBytesPerDay: growths
      .filter(({ forDays }) => forDays > 0)
      .reduce((sum, { bytesPerDay }) => sum + bytesPerDay, 0),
    daysUntilFull: free === undefined ? undefined : daysUntilFull(growths, free),
    expiredRows: await expiredRows(store, retention.rawDays, nowMs),
  };
}

/** What processes have counted as dropped because it was older than the TTL. */
async function expiredRows(store: Store, rawDays: number, nowMs: number): Promise<number> {
  const { gauges } = await import('../windows/gauges.ts');
  const { lastOf } = await import('../windows/range.ts');
  const counted = await gauges(
    store,
    {
      scope: EVERYTHING,
      range: lastOf(rawDays * DAY_MS, nowMs),
      groupBy: ['operation'],
      filter: { operation: ['expired'] },
    },
    { metricType: 'CUSTOM', names: ['perfscope.rows.dropped'] },
  );
  return counted.reduce((total, { sum = 0 }) => total + sum, 0);
}

function daysOf(ttl: string | undefined): number {
  const [amount, unit = ''] = ttl?.split(' ') ?? [];
  return amount === undefined ? Number.POSITIVE_INFINITY : Number(amount) * (UNIT_DAYS[unit] ?? 1);
}

function tell(report: RetentionReport): void {
  const head = ['table', 'kept', 'oldest row', 'rows', 'on disk', 'a day', 'roll-up'];
  const rows = report.tables.map((table) => [
    table.name,
    keptSaid(table),
    table.oldest?.toISOString().slice(0, 16).replace('T', ' ') ?? '–',
    table.rows,
    bytesSaid(table.bytes),
    table.bytesPerDay === undefined ? '–' : bytesSaid(Math.round(table.bytesPerDay)),
    rollupSaid(table.rollup),
  ]);
  process.stdout.write(tableOf(head, rows));
  const total = report.tables.reduce((sum, { bytes }) => sum + bytes, 0);
  say(
    report.measuredBy === 'folder'
      ? `${bytesSaid(total)} on disk in ${report.dataDir}, with the pages that QuestDB has reserved for rows to come.`
      : `${bytesSaid(total)}, as QuestDB says, with its reserved pages; its disk can't be seen from here.`,
  );
  say(`Growing by ${bytesSaid(Math.round(report.growthBytesPerDay))} a day, seen from whole days.`);
  if (report.freeBytes !== undefined) {
    const days = report.daysUntilFull;
    const when = days === undefined ? 'at this rate they last' : `full in ${figureSaid(days)} days`;
    say(`${bytesSaid(report.freeBytes)} are free: ${when}.`);
  }
  say(`${report.expiredRows} rows came when they were older than their time, and were dropped.`);
}

function keptSaid({ configured, actual }: TableReport): string {
  const said = (ttl: string) => `${ttl.toLowerCase().replace(' ', ' ')}s`;
  if (actual === undefined)
    return configured === undefined ? 'for ever' : `for ever, not ${said(configured)}`;
  if (configured === undefined || configured === actual) return said(actual);
  return `${said(actual)}, ${said(configured)} after the next start`;
}

function rollupSaid(rollup: TableReport['rollup']): string {
  if (!rollup) return '';
  if (rollup.reason !== undefined) return `${rollup.status}: ${rollup.reason}`;
  return rollup.lagMs > 0
    ? `${rollup.status}, ${durationSaid(rollup.lagMs)} behind`
    : rollup.status;
}
