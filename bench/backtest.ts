import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { DAY_MS, HOUR_MS } from '../src/core/duration.ts';
import { migrate } from '../src/storage/migrations/migrate.ts';
import { floorTo } from '../src/storage/queries/time-range.ts';
import { DEFAULT_RETENTION } from '../test/support/default-retention.ts';
import { ExternalQuestdb } from '../test/support/external-questdb.ts';
import { waitForRollups } from '../test/support/wait-for-rollups.ts';
import { formatBacktestRules, RULE_COUNT } from './backtest/replay-rules.ts';
import { seedSeries } from './backtest/seed-series.ts';
import { readResidentMb } from './process-usage.ts';
import { atLeast, atMost, type BenchOptions, type Report } from './report.ts';

const SIZES = {
  full: { seriesCount: 1000, lengthMs: 7 * DAY_MS },
  quick: { seriesCount: 100, lengthMs: 12 * HOUR_MS },
} as const;
const ROLLUP_TIMEOUT_MS = 1_200_000;
const SAMPLE_INTERVAL_MS = 100;

type ProcessReport = Record<
  'seconds' | 'rules' | 'alerts' | 'messages' | 'rows' | 'evaluations' | 'cpuSeconds',
  number
>;

/** Measures the time and the memory of a backtest: 20 rules over 1,000 series, 7 days at one minute. */
export async function benchBacktest({ quick, log }: BenchOptions): Promise<Report> {
  const { seriesCount, lengthMs } = quick ? SIZES.quick : SIZES.full;
  const toMs = floorTo(Date.now(), HOUR_MS);
  const seed = { seriesCount, fromMs: toMs - lengthMs, toMs };
  const questdb = new ExternalQuestdb();
  try {
    await questdb.start();
    await migrate(questdb.target, DEFAULT_RETENTION);
    log(`writing ${seriesCount} series for ${lengthMs / HOUR_MS} h …`);
    await seedSeries(questdb, seed);
    log('waiting for the roll-ups …');
    await waitForRollups(questdb, ROLLUP_TIMEOUT_MS);
    log('replaying …');
    const { report, peakMb } = await replay(questdb, seed.fromMs, toMs);
    const points = (seriesCount * lengthMs) / 60_000;
    return {
      targets: [
        atMost('time of the backtest', report.seconds, 60, 's'),
        atMost('peak resident memory', peakMb, 300, 'MB'),
        atLeast('rules replayed', report.rules, RULE_COUNT, '1'),
        atLeast('rows read', report.rows, points, '1'),
        atLeast('alerts found', report.alerts, 1, '1'),
      ],
      details: { ...report, seriesCount, hours: lengthMs / HOUR_MS },
    };
  } finally {
    await questdb.remove();
  }
}

async function replay(questdb: ExternalQuestdb, fromMs: number, toMs: number) {
  const rules = join(questdb.folder, 'rules.yaml');
  writeFileSync(rules, formatBacktestRules());
  const times = [String(fromMs), String(toMs)];
  const child = spawn(process.execPath, ['bench/backtest/backtest-process.mjs', rules, ...times], {
    env: { ...process.env, ...questdb.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let peakMb = 0;
  const sampler = setInterval(() => {
    peakMb = Math.max(peakMb, readResidentMb(child.pid ?? 0));
  }, SAMPLE_INTERVAL_MS);
  try {
    const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
    if (code !== 0) throw new Error(`the backtest exited with ${code}`);
    return { report: JSON.parse(output) as ProcessReport, peakMb };
  } finally {
    clearInterval(sampler);
    child.kill();
  }
}
