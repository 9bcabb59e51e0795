import { afterAll, beforeAll, expect, it } from 'vitest';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import type { PerformanceMetricRow } from '../../../../src/core/schema/tables/performance-metrics-table.ts';
import { AlertExplainer } from '../../../../src/server/alerts/explanation/alert-explainer.ts';
import { migrate } from '../../../../src/storage/migrations/migrate.ts';
import type { QuestdbQueryClient } from '../../../../src/storage/questdb/query-client.ts';
import {
  createEvaluator,
  createQueryClient,
  makeHistogram,
  TestRowWriter,
} from '../../../support/alert-fixtures.ts';
import { findRule, loadTestRules } from '../../../support/alert-rule-fixtures.ts';
import { DEFAULT_RETENTION } from '../../../support/default-retention.ts';
import { ExternalQuestdb } from '../../../support/external-questdb.ts';

/** End of the data. The window of the rule is 5 minutes long, and its baseline 15 minutes. */
const NOW = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
const WINDOW_MINUTES = 5;
const DATA_MINUTES = 20;
const REQUESTS_PER_MINUTE = 10;

type Parts = Pick<
  PerformanceMetricRow,
  | 'databaseTime'
  | 'outgoingTime'
  | 'queueTime'
  | 'connectionWaitTime'
  | 'eventLoopWaitTime'
  | 'ownTime'
>;
/** Times per request, in ms. */
const NORMAL = {
  databaseTime: 40,
  outgoingTime: 20,
  queueTime: 10,
  connectionWaitTime: 10,
  eventLoopWaitTime: 10,
  ownTime: 10,
};

const questdb = new ExternalQuestdb({ isShared: true });
const rows = new TestRowWriter(questdb);
let queryClient: QuestdbQueryClient;
/** The cause of each service's alert. */
const causes = new Map<string, string>();

/** Writes one histogram per minute, with one duration in the baseline and another one in the window. */
function writeHistograms(
  row: Partial<PerformanceMetricRow>,
  [before, now]: readonly [number, number],
  getDetails: (isNow: boolean) => Parts = () => ({}),
): void {
  for (let minute = 1; minute <= DATA_MINUTES; minute++) {
    const isNow = minute <= WINDOW_MINUTES;
    const timestamp = NOW - minute * MINUTE_MS + 1;
    const values = { count: REQUESTS_PER_MINUTE, ms: isNow ? now : before };
    const histogram = makeHistogram({ timestamp, ...row, ...getDetails(isNow) }, values);
    rows.add('performance_metrics', [histogram.row]);
    rows.add('metric_buckets', histogram.buckets);
  }
}

/** Writes the requests of a service and a tenant, whose parts take `slower` in the window. */
function writeRequests(service: string, organizationId: string | undefined, slower: Parts): void {
  const perMinute = (parts: typeof NORMAL) =>
    Object.fromEntries(
      Object.entries(parts).map(([name, ms]) => [name, ms * REQUESTS_PER_MINUTE]),
    ) as Parts;
  const now = { ...NORMAL, ...slower };
  const sum = (parts: object) => Object.values(parts).reduce((a, b) => a + b, 0);
  const request = { metricType: 'API_RESPONSE_TIME', operation: 'GET', organizationId } as const;
  writeHistograms({ ...request, service, endpoint: '/rooms' }, [sum(NORMAL), sum(now)], (isNow) =>
    perMinute(isNow ? now : NORMAL),
  );
}

/** Writes the operations of a service and a tenant: one that is slower in the window, and one that isn't. */
function writeOperations(
  service: string,
  organizationId: string | undefined,
  row: Partial<PerformanceMetricRow>,
  [slower, other]: readonly [string, string],
): void {
  const common = { ...row, service, organizationId };
  writeHistograms({ ...common, endpoint: slower }, [20, 3000]);
  writeHistograms({ ...common, endpoint: other }, [20, 20]);
}

const STATEMENT = { metricType: 'DATABASE_QUERY_TIME', operation: 'SELECT' } as const;
const CALL = { metricType: 'OUTGOING_REQUEST_TIME', operation: 'GET' } as const;
const POOL_WAIT = { metricType: 'CUSTOM', name: 'db.client.connection.wait_time' } as const;

beforeAll(async () => {
  await questdb.start();
  await migrate(questdb.target, DEFAULT_RETENTION);
  queryClient = createQueryClient(questdb);

  writeRequests('statements', 'anna', { databaseTime: 3040 });
  writeOperations('statements', 'anna', STATEMENT, ['SELECT slow', 'SELECT fast']);
  // Another tenant's statement is even slower.
  writeRequests('statements', 'bert', {});
  writeHistograms(
    { ...STATEMENT, service: 'statements', organizationId: 'bert', endpoint: 'SELECT other' },
    [20, 9000],
  );

  // Calls of another service are even slower.
  writeHistograms({ ...CALL, service: 'neighbor', endpoint: 'other.example' }, [20, 9000]);
  writeRequests('calls', undefined, { outgoingTime: 3020 });
  writeOperations('calls', undefined, CALL, ['pay.example', 'mail.example']);
  writeRequests('pools', undefined, { connectionWaitTime: 3010, databaseTime: 60 });
  writeOperations('pools', undefined, POOL_WAIT, [
    'db.example:5432/hotel',
    'other.example:5432/hotel',
  ]);
  writeRequests('tenant-pools', 'anna', { connectionWaitTime: 3010 });
  writeOperations('tenant-pools', undefined, POOL_WAIT, [
    'db.example:5432/hotel',
    'other.example:5432/hotel',
  ]);
  writeRequests('queues', undefined, { queueTime: 3010 });
  writeRequests('loops', undefined, { eventLoopWaitTime: 3010 });
  writeRequests('code', undefined, { ownTime: 3010 });
  writeRequests('everything', undefined, { databaseTime: 1540, outgoingTime: 1530, ownTime: 1510 });
  await rows.flush();

  const evaluator = createEvaluator({ queryClient, add: () => {}, flush: async () => {} });
  const transitions = await evaluator.runOnce(NOW);
  expect(evaluator.ruleHealth.all.flatMap(({ error }) => error ?? [])).toEqual([]);
  const rule = findRule(loadTestRules(''), 'response-time');
  const services = new Map<string, string>();
  const explainer = new AlertExplainer(queryClient, (id, cause) => {
    causes.set(services.get(id)!, cause);
  });
  for (const transition of transitions.filter((each) => each.rule === 'response-time')) {
    services.set(transition.id, transition.service!);
    explainer.enqueue(transition, undefined, rule);
  }
  await explainer.whenIdle();
});

afterAll(async () => {
  rows.close();
  await queryClient?.close();
  await questdb.remove();
});

it.each([
  ['statements', 'database 3.04 s of 3.1 s per request, up from 40 ms, mostly `SELECT slow`'],
  ['calls', 'outgoing calls 3.02 s of 3.1 s per request, up from 20 ms, mostly `pay.example`'],
  [
    'pools',
    'wait for connections 3.01 s of 3.12 s per request, up from 10 ms, mostly `db.example:5432/hotel`',
  ],
  // Pools belong to no tenant, and the cause of a tenant's alert contains no hosts.
  ['tenant-pools', 'wait for connections 3.01 s of 3.1 s per request, up from 10 ms'],
  ['queues', 'queue calls 3.01 s of 3.1 s per request, up from 10 ms'],
  ['loops', 'event loop wait 3.01 s of 3.1 s per request, up from 10 ms'],
  ['code', 'own time 3.01 s of 3.1 s per request, up from 10 ms'],
])('the cause of the alert for the service %s contains its slower part', (service, part) => {
  const [change, slowerPart] = causes.get(service)?.split('; ') ?? [];
  expect([change, slowerPart]).toEqual(['up from 100 ms', part]);
});

it('the cause contains no part if several parts are slower', () => {
  expect(causes.get('everything')).toMatch(/^up from 100 ms/);
  expect(causes.get('everything')).not.toContain('per request');
});
