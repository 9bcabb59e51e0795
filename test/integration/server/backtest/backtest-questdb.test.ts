import { afterAll, beforeAll, expect, it } from 'vitest';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import type { Transition } from '../../../../src/server/alerts/evaluation/alert-transition.ts';
import {
  type Observation,
  toLabelsKey,
} from '../../../../src/server/alerts/evaluation/observation.ts';
import { queryUsualMeans } from '../../../../src/server/alerts/rule-queries/query-spike.ts';
import { RuleQueryCache } from '../../../../src/server/alerts/rule-queries/rule-query-cache.ts';
import {
  type QueryRule,
  queryRule,
} from '../../../../src/server/alerts/rule-queries/run-rule-query.ts';
import { loadAlertRules } from '../../../../src/server/alerts/rules/load-alert-rules.ts';
import { createBacktestService } from '../../../../src/server/backtest/service/backtest-service.ts';
import { CellReader } from '../../../../src/server/backtest/sources/cell-reader.ts';
import { CellStores } from '../../../../src/server/backtest/sources/cell-stores.ts';
import { createReplaySource } from '../../../../src/server/backtest/sources/create-replay-source.ts';
import { loadStops } from '../../../../src/server/backtest/sources/read-chunks.ts';
import { StopList } from '../../../../src/server/backtest/sources/uptime-source.ts';
import { loadNotificationConfig } from '../../../../src/server/notifications/config/load-notification-config.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import type { QuestdbQueryClient } from '../../../../src/storage/questdb/query-client.ts';
import {
  createEvaluator,
  createQueryClient,
  makeHistogram,
  TestRowWriter,
} from '../../../support/alert-fixtures.ts';
import { SETTINGS } from '../../../support/alert-rule-fixtures.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { makeRandomRows } from '../../../support/random-rows.ts';

/** The random rows end, and the rows of the evaluated service start. */
const T0 = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 120 * MINUTE_MS;
const RANDOM_MS = 60 * MINUTE_MS;
const LIVE_MS = 30 * MINUTE_MS;

const RULES = `interval: 1m
notifications: { groupBy: [alertname, service], groupWait: 0s }
rules:
  - name: bt-mean
    measure: { type: API_RESPONSE_TIME, aggregate: mean, groupBy: [service, organizationId], filter: { service: [live, overcounted] }, window: 5m }
    thresholds: { warning: 100, critical: 400 }
    for: 1m
    keepFiringFor: 1m
`;

const questdb = new ExternalQuestdb({ isShared: true });
const rows = new TestRowWriter(questdb);
let queryClient: QuestdbQueryClient;

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  queryClient = createQueryClient(questdb);
  const random = makeRandomRows(7, T0 - RANDOM_MS, RANDOM_MS, 400);
  rows.add('performance_metrics', [...random.points.map(({ row }) => row), ...random.gauges]);
  rows.add(
    'metric_buckets',
    random.points.flatMap(({ buckets }) => buckets),
  );
  rows.add('queue_metrics', random.jobs);
  rows.add('system_health', random.health);
  await rows.flush();
});

afterAll(async () => {
  rows.close();
  await queryClient?.close();
  await questdb.remove();
});

const MEASURES = [
  ...['mean', 'min', 'max', 'last', 'count', 'rate', 'error_ratio', 'p50', 'p95', 'p999'].map(
    (aggregate) => `type: API_RESPONSE_TIME, aggregate: ${aggregate}, groupBy: [service, endpoint]`,
  ),
  'type: API_RESPONSE_TIME, aggregate: slow_share, slowerThan: 100ms, groupBy: [organization]',
  'type: API_RESPONSE_TIME, aggregate: apdex, slowerThan: 100ms, groupBy: [service, version]',
  'type: API_RESPONSE_TIME, aggregate: spike, baseline: 30m, groupBy: [service]',
  'type: API_RESPONSE_TIME, aggregate: mean, groupBy: [service], filter: { endpoint: /bookings }',
  'aggregate: count, groupBy: []',
  'aggregate: depth, groupBy: [queue]',
  'aggregate: failure_rate, groupBy: [queue]',
  'aggregate: time_to_drain, groupBy: [queue]',
  'aggregate: uptime, groupBy: [service]',
];

it('observes the same values as the queries of live evaluation, for every aggregate', async () => {
  const text = MEASURES.map(
    (measure, i) => `
  - name: all-${i}
    measure: { ${measure}, window: ${5 + (i % 3)}m }
    thresholds: { warning: 1 }`,
  ).join('');
  const set = loadAlertRules(SETTINGS, { name: 'rules.yaml', text: `rules:${text}` });
  const tested = set.rules.filter(({ name }) => name.startsWith('all-')) as QueryRule[];
  expect(tested.length).toBe(MEASURES.length);
  const stops = new StopList();
  const client = queryClient;
  const createSources = (rules: readonly QueryRule[]) => {
    const stores = new CellStores();
    const sources = rules.map((rule) => {
      const result = createReplaySource(rule, {
        stores,
        stops,
        healthIntervalMs: MINUTE_MS,
        stepCount: 60,
        createQueriedSource: () => {
          throw new Error('there are no SQL rules');
        },
        queryUsualMeans: (measure, now) =>
          queryUsualMeans(measure, new RuleQueryCache(queryClient, now, MINUTE_MS)),
      });
      return { rule, source: result.source! };
    });
    const scope = UNRESTRICTED_SCOPE;
    const grid = { stepMs: MINUTE_MS, healthIntervalMs: MINUTE_MS };
    return { stores, sources, reader: new CellReader({ client, scope, stores, ...grid }) };
  };
  // Rules that share a read, and rules that read only the sums that they need.
  const replays = [createSources(tested), ...tested.map((rule) => createSources([rule]))];
  const startMs = T0 - RANDOM_MS;
  let compared = 0;
  for (let fromMs = startMs; fromMs < T0; fromMs += 15 * MINUTE_MS) {
    const range = { fromMs, toMs: fromMs + 15 * MINUTE_MS };
    for (const { reader } of replays) await reader.read(range, startMs + reader.warmupMs);
    stops.add(await loadStops(queryClient, range));
    for (let now = fromMs + MINUTE_MS; now <= range.toMs; now += MINUTE_MS) {
      const expectedByRule = new Map<QueryRule, readonly Observation[]>();
      for (const { rule, source } of replays.flatMap(({ sources }) => sources)) {
        const observed = await source.observe(now);
        // All windows are complete from here on.
        if (now < startMs + 31 * MINUTE_MS || now % (7 * MINUTE_MS) !== 0) continue;
        const cache = new RuleQueryCache(queryClient, now, MINUTE_MS);
        const expected = expectedByRule.get(rule) ?? (await queryRule(rule, cache));
        expectedByRule.set(rule, expected);
        const byKey = new Map(observed.map((each) => [toLabelsKey(each.labels), each]));
        expect(byKey.size, rule.name).toBe(expected.length);
        for (const live of expected) {
          const replayed = byKey.get(toLabelsKey(live.labels));
          const details = `${MEASURES[Number(rule.name.slice(4))]} ${JSON.stringify(live.labels)}`;
          expect(replayed?.count, details).toBe(live.count);
          expect(replayed?.newestMs, details).toBe(live.newestMs);
          if (live.value === undefined || !Number.isFinite(live.value)) {
            expect(replayed?.value, details).toBe(live.value);
          } else expect(replayed?.value, details).toBeCloseTo(live.value, 6);
          if (live.bounds) {
            expect(replayed?.bounds?.lower, details).toBeCloseTo(live.bounds.lower, 6);
            expect(replayed?.bounds?.upper, details).toBeCloseTo(live.bounds.upper, 6);
          }
          compared += 1;
        }
      }
    }
    for (const { stores } of replays) stores.compact(range.toMs);
  }
  expect(compared).toBeGreaterThan(100);
});

it('reproduces what the evaluator did, and counts the alerts that late rows changed', async () => {
  const set = loadAlertRules(SETTINGS, { name: 'rules.yaml', text: RULES });
  const rule = set.rules.find(({ name }) => name === 'bt-mean')!;
  const stored: Transition[] = [];
  const evaluator = createEvaluator({
    queryClient,
    add: (table, added) => {
      rows.add(table, added);
      if (table === 'alerts') stored.push(...(added as unknown as Transition[]));
    },
    flush: rows.flush,
    now: () => T0,
  });
  const addRequests = (service: string, atMs: number, ms: number, count = 10) => {
    const organizationId = service === 'live' ? 'anna' : 'bert';
    const names = { service, organizationId, endpoint: '/x', operation: 'GET' };
    const fields = { metricType: 'API_RESPONSE_TIME', ...names };
    const { row, buckets } = makeHistogram(
      { timestamp: atMs, ...fields } as Parameters<typeof makeHistogram>[0],
      { count, ms },
    );
    rows.add('performance_metrics', [row]);
    rows.add('metric_buckets', buckets);
  };
  await evaluator.stop();
  // Slow from minute 5 to 12. From minute 18, the slow rows of `live` arrive late. The fast requests of
  // `overcounted` arrive late, so that its alert was raised because of missing rows.
  const late: [string, number, number, number][] = [];
  const states = evaluator.alertStates;
  for (let now = T0 + MINUTE_MS; now <= T0 + LIVE_MS; now += MINUTE_MS) {
    const minute = (now - T0) / MINUTE_MS;
    const atMs = now - 20_000;
    const isSlow = minute >= 5 && minute <= 12;
    if (minute >= 18 && minute <= 22) late.push(['live', atMs, 2000, 10]);
    if (isSlow) late.push(['overcounted', atMs, 20, 500]);
    addRequests('overcounted', atMs, isSlow ? 300 : 20);
    addRequests('live', atMs, isSlow ? 300 : 20);
    rows.add('system_health', [
      {
        timestamp: atMs,
        service: 'perfscope',
        instance: 'p1',
        id: `p${minute}`,
        status: 'healthy',
      },
    ]);
    await rows.flush();
    const cache = new RuleQueryCache(queryClient, now, MINUTE_MS);
    const observations = await queryRule(rule as QueryRule, cache);
    states.evaluate({ ...rule, intervalMs: MINUTE_MS }, observations, now);
  }
  for (const [service, atMs, ms, count] of late) addRequests(service, atMs + 1, ms, count);
  await rows.flush();
  for (const name of ['anna', 'bert']) {
    const own = stored.filter(({ organizationId }) => organizationId === name);
    expect(own.map(({ state }) => state)).toEqual(['pending', 'firing', 'resolved']);
  }
  const ofLive = stored.filter(({ organizationId }) => organizationId === 'anna');
  const service = createBacktestService({
    queryClient,
    settings: SETTINGS,
    getRuleSet: () => set,
    getNotificationConfig: () => loadNotificationConfig('utc'),
    getPeople: () => [],
    healthIntervalMs: MINUTE_MS,
  });
  const range = { fromMs: T0, toMs: T0 + LIVE_MS };
  const input = { range, ruleNames: ['bt-mean'], timeZone: 'utc', rules: undefined };
  const result = await service.run(input);
  const [view] = result.rules;
  const [first, second] = view!.current!.examples;
  // Same time, severity, and end as the stored alert.
  expect(first).toMatchObject({
    firedAt: new Date(ofLive[1]!.timestamp),
    endedAt: new Date(ofLive[2]!.timestamp),
    severity: ofLive[1]!.severity,
    labels: { service: 'live' },
  });
  expect(first!.value).toBeCloseTo(ofLive[1]!.value!, 6);
  // The evaluator didn't see the late rows: it raised one alert too many, and one too few.
  expect(second).toBeDefined();
  expect(result.stored).toEqual({ alerts: 2, reproduced: 1, late: 1, other: 0, added: 1 });

  // A rule that would have been quieter, and a rules file with an error.
  const proposed = await service.run({ ...input, rules: RULES.replace('for: 1m', 'for: 20m') });
  expect(proposed.rules[0]).toMatchObject({
    change: 'changed',
    current: { fired: 2 },
    proposed: { fired: 0, messages: 0 },
  });
  expect(view!.current!.messages).toBeGreaterThan(0);
  await expect(service.run({ ...input, rules: 'rules:\n  - name: x\n    fro: 1' })).rejects.toThrow(
    /rules.yaml:3/,
  );
  const running = service.run(input);
  await expect(service.run(input)).rejects.toMatchObject({ code: 'PS_TOO_MANY_OPEN' });
  await running;
  const abort = new AbortController();
  abort.abort();
  await expect(service.run(input, abort.signal)).rejects.toThrow(/abort/i);

  const noise = await service.getNoise(range, 'utc', UNRESTRICTED_SCOPE, true);
  expect(noise.rules).toEqual([
    expect.objectContaining({ name: 'bt-mean', fired: 2, unacknowledged: 2 }),
  ]);
  expect(noise.rules[0]!.suggestion?.yaml).toContain('name: bt-mean');
  // Callers limited to a tenant see only their own alerts.
  const countFired = async (organization: string) => {
    const scope = createOrganizationScope(organization);
    const { rules } = await service.getNoise(range, 'utc', scope, false);
    return rules.map(({ name, fired }) => [name, fired]);
  };
  expect(await countFired('anna')).toEqual([['bt-mean', 1]]);
  expect(await countFired('bert')).toEqual([['bt-mean', 1]]);
  expect(await countFired('carl')).toEqual([]);
});
