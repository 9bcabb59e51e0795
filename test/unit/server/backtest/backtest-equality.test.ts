import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import type { Transition } from '../../../../src/server/alerts/evaluation/alert-transition.ts';
import {
  evaluateRule,
  type RuleStates,
} from '../../../../src/server/alerts/evaluation/evaluate-alert-rule.ts';
import type { AlertRule } from '../../../../src/server/alerts/rules/alert-rule.ts';
import { RuleReplay } from '../../../../src/server/backtest/replay/rule-replay.ts';
import { toAlertSpans } from '../../../../src/server/backtest/report/alert-spans.ts';
import { compareStoredAlerts } from '../../../../src/server/backtest/report/compare-stored-alerts.ts';
import { CellStores } from '../../../../src/server/backtest/sources/cell-stores.ts';
import { createReplaySource } from '../../../../src/server/backtest/sources/create-replay-source.ts';
import { StopList } from '../../../../src/server/backtest/sources/uptime-source.ts';
import { SlidingSums } from '../../../../src/server/backtest/windows/sliding-sums.ts';
import { findRule, loadTestRules, T0 } from '../../../support/alert-rule-fixtures.ts';
import { feedCells, observeLive, type ReplayRow } from '../../../support/replay-rows.ts';

const STEP_MS = 30_000;

const AGGREGATES = [
  'mean',
  'min',
  'max',
  'last',
  'count',
  'rate',
  'error_ratio',
  'p50',
  'p95',
  'p999',
  'slow_share, slowerThan: 40ms',
  'apdex, slowerThan: 40ms',
  'spike, baseline: 10m, minimumIncrease: 1',
];
const OPTIONS = [
  'thresholds: { warning: 30 }',
  'thresholds: { warning: 20, critical: 60 }, for: 1m, keepFiringFor: 1m, recovery: 80%',
  'thresholds: { warning: 1.2, high: 3 }, minimumCount: 3, noData: keep',
  'direction: below, thresholds: { warning: 4, critical: 1 }, for: 1m',
  'thresholds: { warning: 50 }, noDataAfter: 1m, minimumCoverage: 30s',
];

function makeTestRule(aggregate: string, options: string, groupBy: string): AlertRule {
  const [name] = aggregate.split(',');
  // The Apdex is from 0 to 1.
  const factor = name === 'apdex' ? 0.01 : 1;
  const scaled = options.replace(/thresholds: \{[^}]*\}/, (thresholds) =>
    thresholds.replace(/[\d.]+/g, (threshold) => String(factor * Number(threshold))),
  );
  const lines = scaled
    .replaceAll(/, (?=[a-z]+[A-Za-z]*: )/g, '\n    ')
    .replaceAll(/\{ (\w+): ([\d.]+)\n\s+/g, '{ $1: $2, ');
  const set = loadTestRules(`interval: 30s
rules:
  - name: r
    measure: { type: API_RESPONSE_TIME, aggregate: ${aggregate}, groupBy: [${groupBy}], window: 2m }
    ${lines}`);
  expect(name).toBeTruthy();
  return findRule(set, 'r');
}

const rule = fc
  .record({
    aggregate: fc.constantFrom(...AGGREGATES),
    options: fc.constantFrom(...OPTIONS),
    groupBy: fc.constantFrom('service', 'service, endpoint'),
  })
  .map(({ aggregate, options, groupBy }) => makeTestRule(aggregate, options, groupBy));

/** A row within 20 minutes. Whole numbers make sums exact in any order. */
const makeRowArbitrary = (lateMs: fc.Arbitrary<number>): fc.Arbitrary<ReplayRow> =>
  fc
    .record({
      offsetMs: fc.oneof(
        fc.integer({ min: 0, max: 1_200_000 }),
        fc.integer({ min: 0, max: 120_000 }),
      ),
      lateMs,
      service: fc.constantFrom('a', 'b'),
      endpoint: fc.constantFrom('/x', '/y'),
      ms: fc.constantFrom(1, 5, 25, 50, 100),
      failed: fc.boolean(),
    })
    .map(({ offsetMs, lateMs: delayMs, ...row }) => ({
      ...row,
      atMs: T0 + offsetMs,
      arrivedMs: T0 + offsetMs + delayMs,
    }));

const onTimeRows = fc.array(makeRowArbitrary(fc.constant(0)), { maxLength: 150 });
const anyRows = fc.array(makeRowArbitrary(fc.constantFrom(0, 0, 0, 5000, 90_000)), {
  maxLength: 150,
});
/** Evaluations of 25 minutes. Some are skipped, as after a restart. */
const skippedSteps = fc.array(fc.integer({ min: 1, max: 50 }), { maxLength: 12 });

function listTimes(skipped: readonly number[]): number[] {
  const steps = Array.from({ length: 50 }, (_, i) => i + 1);
  return steps.filter((step) => !skipped.includes(step)).map((step) => T0 + step * STEP_MS);
}

/** Evaluates a rule with the rows that have arrived at each time. */
async function runLive(
  tested: AlertRule,
  rows: readonly ReplayRow[],
  times: readonly number[],
): Promise<Transition[]> {
  let states: RuleStates = new Map();
  const transitions: Transition[] = [];
  for (const now of times) {
    const arrived = rows.filter(({ arrivedMs }) => arrivedMs <= now);
    const observations = await observeLive(tested, arrived, now);
    const step = evaluateRule(states, observations, tested, now);
    states = step.states;
    transitions.push(...step.transitions);
  }
  return transitions;
}

/** Number of groups that were evaluated at several times at once. */
let skippedCount = 0;

/** Replays all rows in chunks. @param chunkSteps steps per chunk */
async function runReplay(
  tested: AlertRule,
  rows: readonly ReplayRow[],
  times: readonly number[],
  chunkSteps = 1,
): Promise<Transition[]> {
  const stores = new CellStores();
  const result = createReplaySource(tested, {
    stores,
    stops: new StopList(),
    healthIntervalMs: 60_000,
    stepCount: times.length,
    createQueriedSource: () => {
      throw new Error('there are no SQL rules');
    },
    queryUsualMeans: async () => new Map(),
  });
  const source = result.source!;
  const replay = new RuleReplay(tested);
  const transitions: Transition[] = [];
  const chunkMs = chunkSteps * STEP_MS;
  for (let fromMs = T0; fromMs < T0 + 50 * STEP_MS; fromMs += chunkMs) {
    const toMs = fromMs + chunkMs;
    const added = rows.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
    feedCells(stores, added, STEP_MS);
    const own = times.filter((now) => now > fromMs && now <= toMs);
    replay.endSkip();
    source.skipGroups?.((window) => {
      const isSkipped = replay.skip(window, own);
      if (isSkipped) skippedCount += 1;
      return isSkipped;
    });
    for (const now of own) transitions.push(...replay.evaluate(await source.observe(now), now));
    stores.compact(toMs);
  }
  return transitions;
}

it('gives the same transitions as live evaluation, for rows that arrive in time', async () => {
  await fc.assert(
    fc.asyncProperty(
      rule,
      onTimeRows,
      skippedSteps,
      fc.constantFrom(1, 2, 5, 10, 25),
      async (tested, rows, skipped, chunkSteps) => {
        const times = listTimes(skipped);
        const live = await runLive(tested, rows, times);
        expect(await runReplay(tested, rows, times, chunkSteps)).toEqual(live);
      },
    ),
    { numRuns: 100 },
  );
  expect(skippedCount).toBeGreaterThan(100);
});

/** Rows without long gaps. Most are fast and don't fail, so that most windows are far below the thresholds. */
const regularRows = fc
  .array(
    fc.record({
      delayMs: fc.constantFrom(0, 1000, 29_999),
      isMissing: fc.constantFrom(false, false, false, true),
      ms: fc.constantFrom(1, 5, 5, 5, 5, 5, 5, 100),
      failed: fc.constantFrom(false, false, false, true),
    }),
    { minLength: 50, maxLength: 50 },
  )
  .map((steps) =>
    steps.flatMap(({ delayMs, isMissing, ...row }, i): ReplayRow[] => {
      const atMs = T0 + i * STEP_MS + delayMs;
      return isMissing ? [] : [{ ...row, atMs, arrivedMs: atMs, service: 'a', endpoint: '/x' }];
    }),
  );
const LIMITED_AGGREGATES = ['mean', 'min', 'max', 'count', 'rate', 'error_ratio'];

it('gives the same transitions if quiet windows are not visited', async () => {
  const jump = vi.spyOn(SlidingSums.prototype, 'jump');
  const limitedRule = fc
    .tuple(fc.constantFrom(...LIMITED_AGGREGATES), fc.constantFrom(...OPTIONS))
    .map(([aggregate, options]) => makeTestRule(aggregate, options, 'service'));
  await fc.assert(
    fc.asyncProperty(
      limitedRule,
      regularRows,
      skippedSteps,
      fc.constantFrom(5, 10, 25),
      async (tested, rows, skipped, chunkSteps) => {
        const times = listTimes(skipped);
        const live = await runLive(tested, rows, times);
        expect(await runReplay(tested, rows, times, chunkSteps)).toEqual(live);
      },
    ),
    { numRuns: 100 },
  );
  expect(jump.mock.calls.length).toBeGreaterThan(100);
  jump.mockRestore();
});

it('raises alerts in these tests', async () => {
  const found = new Set<string>();
  await fc.assert(
    fc.asyncProperty(rule, onTimeRows, async (tested, rows) => {
      for (const { state } of await runReplay(tested, rows, listTimes([]))) found.add(state);
    }),
    { numRuns: 25 },
  );
  expect(found).toEqual(new Set(['pending', 'firing', 'resolved']));
});

it('differs from live evaluation only if rows arrive late, and counts the different alerts', async () => {
  let different = 0;
  await fc.assert(
    fc.asyncProperty(rule, anyRows, async (tested, rows) => {
      const times = listTimes([]);
      const live = await runLive(tested, rows, times);
      const replayed = await runReplay(tested, rows, times);
      // A row is late if an evaluation whose window contains the row ran before the row arrived.
      const onTime = rows.map((row) => ({ ...row, arrivedMs: row.atMs }));
      expect(await runLive(tested, onTime, times)).toEqual(replayed);
      const stored = toAlertSpans(live);
      const compared = compareStoredAlerts(stored, toAlertSpans(replayed), 0);
      expect(compared.reproduced + compared.missing.length).toBe(stored.length);
      if (JSON.stringify(live) === JSON.stringify(replayed)) return;
      different += 1;
      expect(rows.some(({ atMs, arrivedMs }) => arrivedMs > atMs)).toBe(true);
    }),
    { numRuns: 50 },
  );
  expect(different).toBeGreaterThan(0);
});

const observationRound = fc.array(
  fc.record({
    service: fc.constantFrom('a', 'b', 'c'),
    value: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
    count: fc.integer({ min: 0, max: 5 }),
    ageMs: fc.constantFrom(0, 0, 10_000, 120_000),
    coveredMs: fc.option(fc.constantFrom(0, 60_000), { nil: undefined }),
    hasEnded: fc.constantFrom(false, false, false, false, true),
  }),
  { maxLength: 3 },
);

it('evaluates quiet groups like all others', () => {
  const labels = new Map(['a', 'b', 'c'].map((service) => [service, { service }]));
  const tested = fc.constantFrom(
    ...OPTIONS.flatMap((options) => [
      makeTestRule('max', options, 'service'),
      { ...makeTestRule('max', options, 'service'), noData: 'alert' as const },
    ]),
  );
  fc.assert(
    fc.property(tested, fc.array(observationRound, { maxLength: 40 }), (each, rounds) => {
      const replay = new RuleReplay(each);
      let states: RuleStates = new Map();
      for (const [i, round] of rounds.entries()) {
        const now = T0 + i * STEP_MS;
        const unique = [...new Map(round.map((entry) => [entry.service, entry])).values()];
        const observations = unique.map(({ service, ageMs, hasEnded, value, ...rest }) => ({
          ...rest,
          value: hasEnded ? undefined : value,
          hasEnded,
          labels: labels.get(service)!,
          newestMs: now - ageMs,
        }));
        const expected = evaluateRule(states, observations, each, now);
        states = expected.states;
        expect(replay.evaluate(observations, now)).toEqual(expected.transitions);
      }
      expect(replay.groupCount).toBe(states.size);
    }),
    { numRuns: 200 },
  );
});
