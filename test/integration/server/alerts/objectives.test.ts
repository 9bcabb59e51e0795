import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import type { AlertEvaluator } from '../../../../src/server/alerts/alert-evaluator.ts';
import type { Transition } from '../../../../src/server/alerts/evaluation/alert-transition.ts';
import { LOADING_REASON } from '../../../../src/server/alerts/objectives/objective-status.ts';
import { createEvaluator, makeHistogram } from '../../../support/alert-fixtures.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { waitFor } from '../../../support/wait-for.ts';
import { waitForRollups } from '../../../support/wait-for-rollups.ts';

/** 20 minutes after an hour: the evaluations of a test stay in the same hour, so no hour leaves a period. */
const NOW = Math.floor((Date.now() - 20 * MINUTE_MS) / HOUR_MS) * HOUR_MS + 20 * MINUTE_MS;
const folder = mkdtempSync(join(tmpdir(), 'perfscope-objectives-'));
const rulesFile = join(folder, 'rules.yaml');
writeFileSync(
  rulesFile,
  `objectives:
  - name: fast-requests
    description: 99 % of requests take less than 500 ms.
    kind: latency
    threshold: 500ms
    target: 99
    window: 28d
    groupBy: [organizationId, service]
  - name: by-endpoint
    kind: availability
    target: 99
    window: 7d
    groupBy: [organizationId, endpoint]
    alerts: off
`,
);
const api = new TestApiServer();
let client: PerfscopeClient;

/** Adds one point with requests of a service. */
function addRequests(
  organizationId: string,
  timestamp: number,
  { count = 100, ms = 100, errors = 0, endpoint = '/cart' },
): void {
  const { row, buckets } = makeHistogram(
    {
      timestamp,
      metricType: 'API_RESPONSE_TIME',
      service: 'shop',
      endpoint,
      operation: 'GET',
      organizationId,
      propertyId: 'north',
    },
    { count, ms, errors },
  );
  api.dependencies.add('performance_metrics', [row]);
  api.dependencies.add('metric_buckets', buckets);
}

/**
 * Evaluates all rules until all stored days were read. Each evaluation reads days for a limited time.
 *
 * @returns the transitions of all evaluations
 */
async function runUntilLoaded(evaluator: AlertEvaluator, now: number): Promise<Transition[]> {
  const transitions: Transition[] = [];
  let evaluations = 0;
  await waitFor(async () => {
    // Reading older days pauses after two seconds.
    transitions.push(...(await evaluator.runOnce(now + 10_000 * evaluations++)));
    return evaluator.rulesFile.ruleSet.objectives.every((objective) =>
      evaluator.objectives.listStatuses(objective).every(({ reason }) => reason !== LOADING_REASON),
    );
  });
  return transitions;
}

beforeAll(async () => {
  await api.start({ rulesFile });
  client = new PerfscopeClient({ url: api.url });
  for (const organizationId of ['anna', 'bert']) {
    // 30 days by hour. On one of these days, many requests are slow or fail.
    for (let hour = 30 * 24 - 1; hour > 8; hour--) {
      const isBadDay = hour > 200 && hour <= 224;
      const timestamp = NOW - hour * HOUR_MS + 61_000;
      addRequests(organizationId, timestamp, { count: 1000, errors: isBadDay ? 50 : 1 });
      addRequests(organizationId, timestamp + 1000, { count: isBadDay ? 40 : 1, ms: 900 });
    }
    // The last 8 hours by minute. In the last hour, 20 % of anna's requests fail.
    for (let minute = 8 * 60; minute > 0; minute--) {
      const isOutage = organizationId === 'anna' && minute <= 60;
      addRequests(organizationId, NOW - minute * MINUTE_MS + 1000, { errors: isOutage ? 20 : 0 });
    }
  }
  // The service ran for the last 2 days, except for 10 minutes.
  const minutes = Array.from({ length: 2 * 24 * 60 }, (_, i) => i + 1);
  api.dependencies.add(
    'system_health',
    minutes
      .filter((minute) => minute < 700 || minute >= 710)
      .map((minute) => ({
        timestamp: NOW - minute * MINUTE_MS + 5000,
        id: `h${minute}`,
        service: 'shop',
        instance: 's1',
      })),
  );
  await api.waitUntilStored();
  api.now = () => NOW;
  await runUntilLoaded(api.evaluator, NOW);
  await api.waitUntilStored();
});
afterAll(async () => {
  await api.remove();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
});

async function findGroup(name: string, organization?: string) {
  const { objectives } = await client.get('objectives', { name: [name] });
  return objectives[0]?.groups.find(({ labels }) => labels.organization === organization);
}

const toTime = (ms: number) => `'${new Date(ms).toISOString()}'`;

it('counts the same events as a direct SQL statement', async () => {
  const fromMs = (days: number) => Math.floor((NOW - days * DAY_MS) / HOUR_MS) * HOUR_MS;
  for (const organization of ['anna', 'bert']) {
    const where = (days: number) =>
      `organization_id = '${organization}' AND timestamp >= ${toTime(fromMs(days))} AND timestamp < ${toTime(NOW)}`;
    const [[requests, errors] = []] = await api.questdb.sql(
      `SELECT sum(count), sum(error_count) FROM performance_metrics WHERE ${where(30)}`,
    );
    const availability = await findGroup('target-error-rate', organization);
    expect(availability).toMatchObject({
      total: Number(requests),
      good: Number(requests) - Number(errors),
    });
    const [[good, total] = []] = await api.questdb.sql(
      `SELECT sum(CASE WHEN bucket_upper <= 500 THEN count ELSE 0L END), sum(count) FROM metric_buckets WHERE ${where(28)}`,
    );
    const latency = await findGroup('fast-requests', organization);
    expect(latency).toMatchObject({ good: Number(good), total: Number(total) });
    const [[slices, goodSlices] = []] = await api.questdb.sql(
      `SELECT count(), sum(CASE WHEN total / amount <= 500 THEN 1 ELSE 0 END) FROM (
        SELECT timestamp_floor('5m', timestamp) AS slice, sum(sum) AS total, sum(count) AS amount
        FROM performance_metrics WHERE ${where(30)} AND timestamp < ${toTime(Math.floor(NOW / 300_000) * 300_000)})`,
    );
    const average = await findGroup('target-response-time', organization);
    expect(average).toMatchObject({ total: Number(slices), good: Number(goodSlices) });
  }
});

it('computes budgets and burn rates, and when a budget runs out', async () => {
  const anna = (await findGroup('target-error-rate', 'anna'))!;
  const allowed = anna.total / 100;
  expect(anna.eventsRemaining).toBeCloseTo(allowed - (anna.total - anna.good), 6);
  expect(anna.budgetRemaining).toBeCloseTo((100 * anna.eventsRemaining!) / allowed, 6);
  expect(anna.burnRates.fast).toBeCloseTo(20, 6);
  expect(anna.burnRates.medium).toBeCloseTo(20 / 6, 6);
  expect(anna).toMatchObject({ status: 'ok', exhaustedAt: expect.any(String) });
  const bert = await findGroup('target-error-rate', 'bert');
  expect(bert).toMatchObject({ status: 'ok', burnRates: { fast: 0 } });
  expect(bert?.exhaustedAt).toBeUndefined();
  expect(await findGroup('target-uptime')).toMatchObject({ total: 2880, good: 2871 });
  // There are no jobs.
  const { objectives } = await client.get('objectives');
  expect(objectives.find(({ name }) => name === 'target-queue-processing')?.groups).toEqual([]);
  const { rules } = await client.get('rules');
  const met = rules.find(({ name }) => name === 'target-uptime')?.met;
  expect(met).toBeCloseTo((100 * 1431) / 1440, 1);
  expect(rules.find(({ name }) => name === 'target-queue-processing')).toMatchObject({
    target: true,
    thresholds: [{ severity: 'warning', threshold: 2000 }],
  });
});

it('raises one alert that is sent: the error rate inhibits the burn rate', async () => {
  const { alerts } = await client.get('alerts');
  const burnRates = alerts.filter(({ rule }) => rule.startsWith('burn-rate-'));
  const found = burnRates.map(({ rule, labels }) =>
    [rule, labels.objective, labels.organization].join(' '),
  );
  expect(found).toContain('burn-rate-fast target-error-rate anna');
  const fast = burnRates.find(({ rule }) => rule === 'burn-rate-fast')!;
  expect(fast).toMatchObject({ severity: 'critical', state: 'firing' });
  expect(fast.annotations.summary).toContain('the error budget of target-error-rate is used');
  expect(fast.held.map(({ detail }) => detail).join()).toContain('error-rate-before-target');
  expect(await findGroup('target-error-rate', 'anna')).toMatchObject({ alerts: 2 });
  const slow = burnRates.find(
    ({ rule, labels }) => rule === 'burn-rate-slow' && labels.organization === 'anna',
  );
  expect(slow?.held.map(({ detail }) => detail).join()).toContain('error-rate-before-target');
});

it("records the API's values, and shows tenants only their own", async () => {
  const rows = await api.questdb.sql(
    "SELECT organization_id, budget_remaining, good, total FROM objectives WHERE objective = 'target-error-rate' ORDER BY organization_id",
  );
  const groups = await Promise.all(
    ['anna', 'bert'].map((organization) => findGroup('target-error-rate', organization)),
  );
  expect(rows).toEqual(
    groups.map((group, i) => [
      ['anna', 'bert'][i],
      group!.budgetRemaining,
      group!.good,
      group!.total,
    ]),
  );
  // On a slow machine, the budgets are loaded in several evaluations.
  const range = {
    from: new Date(NOW - HOUR_MS).toISOString(),
    to: new Date(NOW + MINUTE_MS).toISOString(),
  };
  const read = (name: string) => client.objective(name, range);
  const { history } = await read('target-error-rate');
  expect(history.map(({ labels, points }) => [labels.organization, points]).sort()).toEqual(
    groups.map((group, i) => [
      ['anna', 'bert'][i],
      [
        {
          at: expect.any(String),
          budgetRemaining: group!.budgetRemaining,
          burnRates: group!.burnRates,
        },
      ],
    ]),
  );
  expect((await read('target-error-rate')).objective.groups).toHaveLength(2);
  api.scope = createOrganizationScope('anna');
  const own = await client.get('objectives');
  expect(JSON.stringify([own, await read('target-error-rate')])).not.toContain('bert');
  expect(own.objectives.map(({ name }) => name)).not.toContain('target-uptime');
  expect(own.objectives.find(({ name }) => name === 'fast-requests')?.groups).toHaveLength(1);
  await expect(read('target-uptime')).rejects.toThrow(/No objective has the name/);
  api.scope = createOrganizationScope('anna', ['south']);
  expect((await client.get('objectives')).objectives.flatMap(({ groups }) => groups)).toEqual([]);
});

it('has the same state after a restart', async () => {
  const before = await client.get('objectives');
  const evaluator = createEvaluator({
    queryClient: api.dependencies.queryClient,
    add: () => {},
    flush: async () => {},
    rulesFile,
  });
  const transitions = await runUntilLoaded(evaluator, NOW);
  expect(transitions.filter(({ rule }) => rule.startsWith('burn-rate-'))).toEqual([]);
  expect([...evaluator.alertStates.listLive()].map(({ transition }) => transition.rule)).toContain(
    'burn-rate-fast',
  );
  const { objectives } = evaluator.rulesFile.ruleSet;
  for (const objective of objectives) {
    const listed = before.objectives.find(({ name }) => name === objective.name)!;
    const found = evaluator.objectives.listStatuses(objective);
    expect(found.map(({ counts }) => counts.total).sort()).toEqual(
      listed.groups.map(({ total }) => total).sort(),
    );
  }
  await evaluator.stop();
});

it('counts rows that arrive late', async () => {
  const before = (await findGroup('target-error-rate', 'bert'))!;
  addRequests('bert', NOW - 10 * DAY_MS, { count: 7, errors: 7 });
  addRequests('bert', NOW - 2 * MINUTE_MS, { count: 5, errors: 5 });
  await api.waitUntilStored();
  const expected = (good: number, total: number) => ({
    good: before.good + good,
    total: before.total + total,
  });
  await api.evaluator.runOnce(NOW + MINUTE_MS);
  expect(await findGroup('target-error-rate', 'bert')).toMatchObject(expected(0, 5));
  await waitForRollups(api.questdb);
  // All days are read again within 6 hours. In the meantime, no hours leave the period.
  const [[total] = []] = await api.questdb.sql(
    `SELECT sum(count) FROM performance_metrics WHERE organization_id = 'bert'
     AND timestamp >= ${toTime(Math.floor((NOW + 6 * HOUR_MS - 30 * DAY_MS) / HOUR_MS) * HOUR_MS)}`,
  );
  let evaluations = 0;
  await waitFor(async () => {
    await api.evaluator.runOnce(NOW + 6 * HOUR_MS + 10_000 * evaluations++);
    return (await findGroup('target-error-rate', 'bert'))!.total === Number(total);
  });
});

it('reports that a burn-rate rule waits, and which groups are not measured', async () => {
  for (let i = 0; i < 505; i++) {
    addRequests('carl', NOW + 6 * HOUR_MS - 2 * MINUTE_MS, { count: 1, endpoint: `/rooms/${i}` });
  }
  await api.waitUntilStored();
  await api.evaluator.runOnce(NOW + 6 * HOUR_MS + MINUTE_MS);
  const { rules } = await client.get('rules');
  const waiting = rules.find(({ name }) => name === 'burn-rate-medium')?.waiting;
  expect(waiting).toMatchObject({ reason: 'objective', needed: 6 * HOUR_MS });
  expect(waiting!.readyGroups).toBeLessThan(waiting!.groups);
  const find = async () => {
    const { objectives } = await client.get('objectives');
    const { groups, omittedGroups } = objectives.find(({ name }) => name === 'by-endpoint')!;
    return { groups: groups.length, omittedGroups };
  };
  // anna and bert have one group each.
  expect(await find()).toEqual({ groups: 500, omittedGroups: 7 });
  api.scope = createOrganizationScope('anna');
  expect(await find()).toEqual({ groups: 1, omittedGroups: 0 });
  api.scope = createOrganizationScope('carl');
  expect(await find()).toEqual({ groups: 498, omittedGroups: 7 });
});
