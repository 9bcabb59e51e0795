import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { getExternalQuestdbTargets } from '../../../../src/core/config/questdb-targets.ts';
import { parseSettings } from '../../../../src/core/config/settings.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { BUCKET_RATIO } from '../../../../src/core/histogram/bucket-scale.ts';
import {
  createOrganizationScope,
  narrowScope,
  type TenantScope,
  UNRESTRICTED_SCOPE,
} from '../../../../src/core/tenant-scope.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import { queryGauges } from '../../../../src/storage/queries/gauge-values.ts';
import {
  HOST_METRIC_COLUMNS,
  queryHostMetric,
  queryUptime,
} from '../../../../src/storage/queries/host-health.ts';
import { queryJobTotals } from '../../../../src/storage/queries/job-totals.ts';
import { queryDistributionTotals } from '../../../../src/storage/queries/metric-totals.ts';
import type { Query } from '../../../../src/storage/queries/query.ts';
import { DIMENSIONS, type Dimension } from '../../../../src/storage/queries/query.ts';
import { floorTo } from '../../../../src/storage/queries/query-range.ts';
import {
  queryQueueStats,
  queryQueueUsageByTenant,
} from '../../../../src/storage/queries/queue-stats.ts';
import type { QueryClient } from '../../../../src/storage/questdb/query-client.ts';
import { QuestdbQueryClient } from '../../../../src/storage/questdb/query-client.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';
import { insertRows } from '../../../support/insert-rows.ts';
import { makeRandomRows, type RandomPoint } from '../../../support/random-rows.ts';
import {
  computeExactPercentile,
  groupRows,
  sumBy,
} from '../../../support/reference-aggregation.ts';
import { waitForRollups } from '../../../support/wait-for-rollups.ts';

const LENGTH_MS = 2.5 * DAY_MS;
const END_MS = floorTo(Date.now(), HOUR_MS) - 2 * HOUR_MS;
const START_MS = END_MS - LENGTH_MS;
const REQUESTS = { metricType: 'API_RESPONSE_TIME' } as const;
const RUNS = { numRuns: 60 };

const questdb = new ExternalQuestdb();
const sample = makeRandomRows(7, START_MS, LENGTH_MS, 1500);
let rolled: QuestdbQueryClient;
/** The same data, asked without roll-ups. */
let rowsOnly: QueryClient;

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  await insertRows(questdb, 'performance_metrics', [
    ...sample.points.map(({ row }) => row),
    ...sample.gauges,
  ]);
  await insertRows(
    questdb,
    'metric_buckets',
    sample.points.flatMap(({ buckets }) => buckets),
  );
  await insertRows(questdb, 'queue_metrics', sample.jobs);
  await insertRows(questdb, 'system_health', sample.health);
  await waitForRollups(questdb);
  rolled = new QuestdbQueryClient(
    getExternalQuestdbTargets(parseSettings(questdb.env).settings)!.read,
  );
  rowsOnly = {
    read: rolled.read,
    getCatalog: async () =>
      new Map([...(await rolled.getCatalog())].map(([name, stored]) => [name, stored.slice(0, 1)])),
  };
}, 180_000);
afterAll(async () => {
  await rolled?.close();
  await questdb.remove();
});

const moment = fc.integer({ min: -HOUR_MS, max: LENGTH_MS + HOUR_MS }).map((ms) => START_MS + ms);
const range = fc
  .tuple(moment, moment)
  .filter(([a, b]) => Math.abs(a - b) > MINUTE_MS)
  .map(([a, b]) => ({ fromMs: Math.min(a, b), toMs: Math.max(a, b) }));
const scope: fc.Arbitrary<TenantScope> = fc.constantFrom(
  UNRESTRICTED_SCOPE,
  createOrganizationScope('anna'),
  createOrganizationScope('bert', ['north']),
  narrowScope(UNRESTRICTED_SCOPE, { propertyId: 'south' }),
);
const step = fc.constantFrom(
  undefined,
  { ms: MINUTE_MS, zone: 'utc' },
  { ms: HOUR_MS, zone: 'Europe/Berlin' },
  { ms: DAY_MS, zone: 'Europe/Berlin' },
  { ms: DAY_MS, zone: 'Asia/Kolkata' },
);
const questions = (dimensions: readonly Dimension[]): fc.Arbitrary<Query> =>
  fc.record({
    range,
    scope,
    step,
    includeTest: fc.boolean(),
    groupBy: fc.subarray([...dimensions], { maxLength: Math.min(4, dimensions.length) }),
    filter: fc.constantFrom(
      {},
      { service: ['shop'] },
      { service: ['shop', 'mail'], version: ['1.1'] },
    ),
  });

const requestDimensions = ({ row }: RandomPoint) => ({
  endpoint: row.endpoint,
  operation: row.operation,
  queue: row.endpoint,
});
const close = (value: number) => expect.closeTo(value, 6);

describe.each(['rolled up', 'from the rows'])('answers %s equal those of the reference', (how) => {
  const store = (): QueryClient => (how === 'rolled up' ? rolled : rowsOnly);

  it('for counts, rates, means, errors, percentiles, Apdex and slow shares', async () => {
    await fc.assert(
      fc.asyncProperty(questions(DIMENSIONS), async (question) => {
        const expected = groupRows(sample.points, question, ({ row }) => row, requestDimensions);
        const answers = await queryDistributionTotals(store(), question, REQUESTS);
        const found = new Map(answers.map((a) => [JSON.stringify([a.group, a.bucket?.fromMs]), a]));
        expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [key, points] of expected) {
          const answer = found.get(key)!;
          const values = points.flatMap((point) => point.values);
          const times = values.map(({ ms }) => ms);
          const failed = values.filter((value) => value.failed).length;
          const spanMs = answer.bucket ?? question.range;
          expect(answer).toMatchObject({
            count: values.length,
            errorCount: failed,
            errorRate: close((100 * failed) / values.length),
            average: close(sumBy(times, (ms) => ms) / times.length),
            rate: close((1000 * values.length) / (spanMs.toMs - spanMs.fromMs)),
            min: close(Math.min(...times)),
            max: close(Math.max(...times)),
          });
          for (const [name, q] of PERCENTILES) {
            const exact = computeExactPercentile(times, q);
            expect(answer[name]! / exact).toBeLessThan(BUCKET_RATIO + 1e-9);
            expect(answer[name]! / exact).toBeGreaterThan(1 / BUCKET_RATIO - 1e-9);
          }
          // A target on a bucket's bound: nothing is interpolated.
          const good = (limit: number) => values.filter((v) => !v.failed && v.ms <= limit).length;
          const satisfied = good(125);
          const apdex = (satisfied + (good(500) - satisfied) / 2) / values.length;
          expect(answer.distribution.computeApdex(125)).toBeCloseTo(apdex, 9);
          const slow = times.filter((ms) => ms > 500).length / times.length;
          expect(answer.distribution.computeShareAbove(500)).toBeCloseTo(slow, 9);
        }
      }),
      RUNS,
    );
  });

  it('for gauges', async () => {
    await fc.assert(
      fc.asyncProperty(
        questions(['queue', 'operation', 'service', 'instance']),
        async (question) => {
          const expected = groupRows(
            sample.gauges,
            question,
            (row) => row,
            (row) => ({
              queue: row.endpoint,
              operation: row.operation,
            }),
          );
          const answers = await queryGauges(store(), question, { metricType: 'QUEUE_DEPTH' });
          const found = new Map(
            answers.map((a) => [JSON.stringify([a.group, a.bucket?.fromMs]), a]),
          );
          expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
          for (const [key, rows] of expected) {
            const values = rows.map(({ value }) => value!);
            const latest = rows.toSorted((a, b) => b.timestamp - a.timestamp)[0]!.value;
            expect(found.get(key)).toMatchObject({
              samples: rows.length,
              last: latest,
              average: close(sumBy(values, (value) => value) / values.length),
              min: Math.min(...values),
              max: Math.max(...values),
            });
          }
        },
      ),
      RUNS,
    );
  });

  it('for jobs', async () => {
    await fc.assert(
      fc.asyncProperty(questions(['queue', 'operation', 'organization']), async (question) => {
        const expected = groupRows(
          sample.jobs,
          question,
          (row) => row,
          (row) => ({
            queue: row.queueName,
            operation: row.jobType,
          }),
        );
        const answers = await queryJobTotals(store(), question);
        const found = new Map(answers.map((a) => [JSON.stringify([a.group, a.bucket?.fromMs]), a]));
        expect([...found.keys()].sort()).toEqual([...expected.keys()].sort());
        for (const [key, rows] of expected) {
          const inState = (status: string) => rows.filter((row) => row.status === status);
          const ended = [...inState('completed'), ...inState('failed')];
          const [processing, waiting] = [
            sumBy(ended, (r) => r.duration),
            sumBy(ended, (r) => r.waitTime),
          ];
          expect(found.get(key)).toMatchObject({
            arrived: inState('waiting').length,
            stalled: inState('stalled').length,
            completed: inState('completed').length,
            failed: inState('failed').length,
            processing: close(processing),
            waiting: close(waiting),
          });
          const average = ended.length > 0 ? close(processing / ended.length) : undefined;
          expect(found.get(key)?.averageProcessing).toEqual(average);
        }
      }),
      RUNS,
    );
  });

  it('for hosts', async () => {
    const names = fc.constantFrom('cpuUsage', 'memoryUsage', 'avgResponseTime' as const);
    await fc.assert(
      fc.asyncProperty(
        questions(['service', 'instance', 'version']),
        names,
        async (question, name) => {
          expect(Object.keys(HOST_METRIC_COLUMNS)).toContain(name);
          const figure = name as 'cpuUsage';
          const whole = { ...question, scope: UNRESTRICTED_SCOPE };
          const expected = groupRows(
            sample.health,
            whole,
            (row) => row,
            () => ({}),
          );
          const answers = await queryHostMetric(store(), whole, figure);
          const found = new Map(
            answers.map((a) => [JSON.stringify([a.group, a.bucket?.fromMs]), a]),
          );
          for (const [key, rows] of expected) {
            const values = rows.flatMap((row) => row[figure] ?? []);
            const average = sumBy(values, (value) => value) / values.length;
            const wanted = { samples: values.length, average: close(average) };
            if (values.length === 0) expect(found.has(key)).toBe(false);
            else
              expect(found.get(key)).toMatchObject({ ...wanted, max: close(Math.max(...values)) });
          }
        },
      ),
      RUNS,
    );
  });
});

const PERCENTILES = [
  ['p50', 0.5],
  ['p90', 0.9],
  ['p95', 0.95],
  ['p99', 0.99],
  ['p999', 0.999],
] as const;

const all: Query = { scope: UNRESTRICTED_SCOPE, range: { fromMs: START_MS, toMs: END_MS } };

it('a tenant sees no host, and nothing of another', async () => {
  expect(
    await queryHostMetric(rolled, { ...all, scope: createOrganizationScope('anna') }, 'cpuUsage'),
  ).toEqual([]);
  const mine = await queryDistributionTotals(
    rolled,
    { ...all, scope: createOrganizationScope('anna'), groupBy: ['organization'] },
    REQUESTS,
  );
  expect(mine.map(({ group }) => group.organization)).toEqual(['anna']);
  const asked = {
    ...all,
    scope: narrowScope(createOrganizationScope('anna'), { organizationId: 'bert' }),
  };
  expect(await queryDistributionTotals(rolled, asked, REQUESTS)).toEqual([]);
  expect(await queryJobTotals(rolled, asked)).toEqual([]);
});

it('tells how long a queue takes to drain, and who is hogging it', async () => {
  const figures = await queryQueueStats(rolled, all);
  expect(figures.map(({ queue }) => queue)).toEqual(['emails', 'invoices']);
  for (const { queue, depth, arrivalRate, completionRate, timeToDrain } of figures) {
    const jobs = sample.jobs.filter(({ queueName }) => queueName === queue);
    const inStates = (...states: string[]) => jobs.filter((j) => states.includes(j.status!)).length;
    const seconds = LENGTH_MS / 1000;
    expect(arrivalRate).toBeCloseTo(inStates('waiting') / seconds, 9);
    expect(completionRate).toBeCloseTo(inStates('completed', 'failed') / seconds, 9);
    expect(timeToDrain).toBeCloseTo((1000 * depth!) / (completionRate - arrivalRate), 3);
  }
  const hogs = await queryQueueUsageByTenant(rolled, all);
  const shares = hogs.filter(({ queue }) => queue === 'emails').map((hog) => hog.processingShare!);
  expect(sumBy(shares, (share) => share)).toBeCloseTo(100, 6);
  const anna = hogs.filter((hog) => hog.queue === 'emails' && hog.organizationId === 'anna');
  const emails = sample.jobs.filter(({ queueName }) => queueName === 'emails');
  const ofAnna = emails.filter(({ organizationId }) => organizationId === 'anna');
  const expected = (100 * sumBy(ofAnna, (j) => j.duration)) / sumBy(emails, (j) => j.duration);
  expect(sumBy(anna, (hog) => hog.processingShare)).toBeCloseTo(expected, 6);
});

it.each([[['service']], [['service', 'instance']], [[]]] as const)(
  'uptime is the share of the intervals in which a group of %s has reported',
  async (groupBy) => {
    const { fromMs, toMs } = { fromMs: END_MS - DAY_MS, toMs: END_MS };
    const day = { ...all, range: { fromMs, toMs }, groupBy };
    const health = sample.health.filter(({ timestamp }) => timestamp >= fromMs && timestamp < toMs);
    const found = await queryUptime(rolled, day, HOUR_MS);
    expect(found.length).toBeGreaterThan(0);
    for (const { group, uptime: share, reported, intervals } of found) {
      const rows = health.filter((row) => groupBy.every((name) => row[name] === group[name]));
      const hours = new Set(rows.map(({ timestamp }) => floorTo(timestamp, HOUR_MS)));
      expect({ reported, intervals }).toEqual({ reported: hours.size, intervals: 24 });
      expect(share).toBeCloseTo((100 * hours.size) / 24, 9);
    }
  },
);
