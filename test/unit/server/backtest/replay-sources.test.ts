import { expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import type { DeployRow } from '../../../../src/core/schema/tables/deploys-table.ts';
import { evaluateRule } from '../../../../src/server/alerts/evaluation/evaluate-alert-rule.ts';
import type { Objective } from '../../../../src/server/alerts/objectives/objective.ts';
import { RuleReplay } from '../../../../src/server/backtest/replay/rule-replay.ts';
import { ReplayedObjectives } from '../../../../src/server/backtest/sources/burn-rate-source.ts';
import { orderByCell, orderByKey } from '../../../../src/server/backtest/sources/cell-rows.ts';
import { CellStores } from '../../../../src/server/backtest/sources/cell-stores.ts';
import { createReplaySource } from '../../../../src/server/backtest/sources/create-replay-source.ts';
import { createDeploySource } from '../../../../src/server/backtest/sources/deploy-source.ts';
import { planCellReads } from '../../../../src/server/backtest/sources/plan-cell-reads.ts';
import { StopList } from '../../../../src/server/backtest/sources/uptime-source.ts';
import { CellSeries } from '../../../../src/server/backtest/windows/cell-series.ts';
import {
  BucketSeries,
  SlidingBuckets,
} from '../../../../src/server/backtest/windows/sliding-buckets.ts';
import { SlidingSums } from '../../../../src/server/backtest/windows/sliding-sums.ts';
import type { TimeRange } from '../../../../src/storage/queries/time-range.ts';
import { findRule, loadTestRules, makeRule, T0 } from '../../../support/alert-rule-fixtures.ts';

const HOUR0 = Math.floor(T0 / HOUR_MS) * HOUR_MS;

it('replays burn rates from the events of each minute', async () => {
  const { objectives } = loadTestRules(`objectives:
  - { name: orders, kind: availability, target: 99, groupBy: [service], alerts: page }`);
  const own = objectives.filter(({ name }) => name === 'orders' || name === 'target-uptime');
  const ranges: TimeRange[] = [];
  // All of 10 requests per minute fail in the last half hour before `now`.
  const now = HOUR0 + 90 * MINUTE_MS;
  const loadEvents = async (_objective: Objective, range: TimeRange) => {
    ranges.push(range);
    const counts = [];
    for (let atMs = range.fromMs; atMs < range.toMs; atMs += MINUTE_MS) {
      const isBad = atMs >= now - 30 * MINUTE_MS;
      counts.push({ atMs, good: isBad ? 0 : 10, total: 10 });
    }
    return [{ group: { service: 'shop' }, counts }];
  };
  const replayed = new ReplayedObjectives(own, loadEvents);
  const fast = replayed.createSource('fast');
  const [calm] = await fast.observe(now - 30 * MINUTE_MS);
  expect(calm).toMatchObject({ labels: { service: 'shop', objective: 'orders' }, value: 0 });
  const [burning] = await fast.observe(now);
  // Half of the hour failed. The budget allows 1 %.
  expect(burning?.value).toBeCloseTo(50, 6);
  expect(burning?.count).toBe(600);
  const [slow] = await replayed.createSource('slow').observe(now);
  // As in live evaluation, old events are kept only by hour, so the window starts at a whole hour.
  expect(slow?.value).toBeCloseTo((100 * 30) / (72.5 * 60), 6);
  expect(fast.precision).toEqual(['its uptime objectives are not replayed: target-uptime']);
  // Each event is read once.
  for (const [i, { fromMs }] of ranges.entries()) {
    if (i > 0) expect(fromMs).toBe(ranges[i - 1]!.toMs);
  }
});

it('replays the results of deploys from the time at which they were stored', async () => {
  const finding = {
    ...{ type: 'API_RESPONSE_TIME', endpoint: '/x', operation: 'GET', statistic: 'p95' },
    ...{ verdict: 'regression', method: 'before', before: 10, after: 14, change: 0.4 },
    ...{ lower: 0.3, upper: 0.5, countBefore: 500, countAfter: 600, look: 1 },
  };
  const base = {
    service: 'shop',
    version: '2',
    source: 'detected' as const,
    startsAt: T0,
    id: 'd',
  };
  const rows: DeployRow[] = [
    {
      ...base,
      timestamp: T0 + 5 * MINUTE_MS,
      seq: 2,
      look: 1,
      findings: JSON.stringify([finding]),
    },
    { ...base, timestamp: T0, seq: 1 },
  ];
  const requested: number[][] = [];
  const loadRows = async (fromMs: number, toMs: number) => {
    requested.push([fromMs, toMs]);
    return rows;
  };
  const measure = { kind: 'deploy', metric: 'duration', windowMs: HOUR_MS } as const;
  const source = createDeploySource(measure, loadRows, T0 + DAY_MS);
  expect(await source.observe(T0 + 4 * MINUTE_MS)).toEqual([]);
  expect(await source.observe(T0 + 5 * MINUTE_MS)).toMatchObject([
    { labels: { service: 'shop', version: '2', subject: 'GET /x' }, value: 40, count: 600 },
  ]);
  expect(requested).toEqual([[T0 + 4 * MINUTE_MS - 3 * DAY_MS, T0 + DAY_MS + 1]]);
});

it('continues correctly if cells were removed while the windows did not move', () => {
  const series = new CellSeries();
  const buckets = new BucketSeries();
  const windowMs = 5 * MINUTE_MS;
  const sums = new SlidingSums(series, windowMs);
  const histogram = new SlidingBuckets(buckets, windowMs);
  const addCell = (minute: number, count: number) => {
    const atMs = T0 + minute * MINUTE_MS;
    const extremes = { min: count, max: count, last: count, newestMs: atMs, oldestMs: atMs };
    series.add(atMs, { count, errorCount: 1, sum: count, valueCount: 0, valueSum: 0, ...extremes });
    buckets.add(atMs, { bound: 1, count, errorCount: 0 });
  };
  const advance = (minute: number) => {
    for (const each of [sums, histogram]) each.advance(T0 + minute * MINUTE_MS);
  };
  for (let minute = 0; minute < 5; minute++) addCell(minute, 1000);
  advance(5);
  expect([sums.count, histogram.total]).toEqual([5000, 5000]);
  // Nothing is evaluated in a gap, but the cells are removed. The ring of cells is then used again.
  for (const each of [series, buckets]) each.dropBefore(T0 + 100 * MINUTE_MS);
  for (let minute = 100; minute < 108; minute++) addCell(minute, 1);
  advance(108);
  expect([sums.count, sums.errorCount, sums.sum, sums.max]).toEqual([5, 5, 5, 1]);
  expect(histogram.total).toBe(5);
});

it('does not count rows of too few measurements as new data, if the rule keeps the state', () => {
  const rule = makeRule(
    'thresholds: { warning: 50 }\nnoData: keep\nminimumCoverage: 30s\nnoDataAfter: 10m',
  );
  const labels = { service: 'a' };
  const observe = (minute: number, newest: number, coveredMs: number, value: number) => ({
    now: T0 + minute * MINUTE_MS,
    observation: { labels, value, count: 5, newestMs: T0 + newest * MINUTE_MS, coveredMs },
  });
  const rounds = [
    observe(1, 1, 60_000, 10),
    // Covers too little time, so the state is kept.
    observe(2, 2, 0, 20),
    // The same row with enough data. It isn't old.
    observe(3, 2, 60_000, 90),
  ];
  const replay = new RuleReplay(rule);
  let states: Parameters<typeof evaluateRule>[0] = new Map();
  const found: string[] = [];
  for (const { now, observation } of rounds) {
    const expected = evaluateRule(states, [observation], rule, now);
    states = expected.states;
    const transitions = replay.evaluate([observation], now);
    expect(transitions).toEqual(expected.transitions);
    found.push(...transitions.map(({ state }) => state));
  }
  expect(found).toEqual(['firing']);
});

it('does not replay statements that use the current time', () => {
  const replay = (condition: string) => {
    const sql = `SELECT count() AS value FROM performance_metrics WHERE in_window() AND in_scope() AND ${condition}`;
    const set = loadTestRules(`rules:
  - name: r
    window: 5m
    sql: ${sql}
    thresholds: { warning: 1 }`);
    return createReplaySource(findRule(set, 'r'), {
      stores: new CellStores(),
      stops: new StopList(),
      healthIntervalMs: MINUTE_MS,
      stepCount: 10,
      createQueriedSource: () => ({ precision: [], observe: () => [] }),
      queryUsualMeans: async () => new Map(),
    });
  };
  expect(replay("timestamp < dateadd('m', -25, now())")).toMatchObject({
    source: undefined,
    reason: expect.stringMatching(/uses the current time/),
  });
  expect(replay("endpoint = 'now()'").source).toBeDefined();
});

it('reads the rows of a narrow filter with the rows of all groups', () => {
  const stores = new CellStores();
  const query = { kind: 'sums', type: 'API_RESPONSE_TIME', filter: {} } as const;
  stores.getSums({ ...query, groupBy: ['service', 'endpoint'] }, ['total'], MINUTE_MS);
  stores.getSums({ ...query, groupBy: ['service'] }, ['errors'], 2 * MINUTE_MS);
  const filters = [{ endpoint: ['/x'] }, { organization: ['o1'] }, { service: ['perfscope'] }];
  for (const filter of filters)
    stores.getSums({ ...query, filter, groupBy: ['service'] }, [], MINUTE_MS);
  const reads = planCellReads(stores, MINUTE_MS, MINUTE_MS);
  // Organizations aren't in the wide read, and it excludes Perfscope's own requests.
  expect(reads.map((read) => [read.query.filter, read.stores.length])).toEqual([
    [{}, 3],
    [{ organization: ['o1'] }, 1],
    [{ service: ['perfscope'] }, 1],
  ]);
  expect([...reads[0]!.columns].sort()).toEqual(['errors', 'total']);
});

it('sorts rows of several results by time, and the rows of one result by group', () => {
  const makeRows = (times: number[], keyIndexes: number[]) => ({
    length: times.length,
    keys: [['a'], ['b']],
    keyIndexes: Uint32Array.from(keyIndexes),
    // Buffers can be longer than the result.
    columns: [Float64Array.from([...times, 7])],
    release: () => {},
  });
  const first = makeRows([3000, 1000, 2000, 1000], [0, 1, 0, 0]);
  const ordered = orderByCell([first, makeRows([2000, 0], [0, 0])], 0, 1000);
  expect([...ordered.resultIndexes]).toEqual([1, 0, 0, 0, 1, 0]);
  expect([...ordered.rowIndexes]).toEqual([1, 1, 3, 2, 0, 0]);
  const alone = orderByCell([first], 0, 1000);
  expect([...orderByKey(first, alone)]).toEqual([3, 2, 0, 1]);
});
