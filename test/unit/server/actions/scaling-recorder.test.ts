import { beforeEach, expect, it } from 'vitest';
import { parseDuration } from '../../../../src/core/duration.ts';
import type { PerformanceMetricRow } from '../../../../src/core/schema/tables/performance-metrics-table.ts';
import type { ScalingView } from '../../../../src/server/actions/action-views.ts';
import {
  DEFAULT_SCALING_REQUEST,
  ScalingRecorder,
} from '../../../../src/server/actions/scaling/scaling-recorder.ts';
import { scalingEndpoint } from '../../../../src/server/api/endpoints/scaling-endpoint.ts';

let getViews: () => readonly ScalingView[];
let now = 0;
let rows: PerformanceMetricRow[] = [];
const requests: unknown[] = [];
const recorder = new ScalingRecorder({
  recommend: async (request) => {
    requests.push(request);
    return getViews();
  },
  add: (_table, added) => void rows.push(...(added as readonly PerformanceMetricRow[])),
  resource: { service: 'perfscope', instance: 'one' },
  now: () => now,
});
beforeEach(() => {
  now += 3_600_000;
  rows = [];
});

function makeView(name: string, desired: number, current?: number): ScalingView {
  return {
    kind: 'queue',
    name,
    scope: undefined,
    desired,
    current,
    arrivalRate: 1,
    processingTime: 1,
    backlog: 0,
    reason: '',
  };
}

const listStored = () =>
  rows.map((row) => `${row.name} ${row.operation} ${row.endpoint} ${row.value}`);
const listExported = () =>
  recorder
    .metricsText()
    .split('\n')
    .filter((line) => line && !line.startsWith('#'));

it('stores recommendations for the default parameters and exports them to Prometheus', async () => {
  getViews = () => [makeView('mails', 13, 5), { ...makeView('booking', 2), kind: 'service' }];
  await recorder.runOnce();
  expect(requests).toEqual([DEFAULT_SCALING_REQUEST]);
  expect(listStored()).toEqual([
    'perfscope.scaling.desired queue mails 13',
    'perfscope.scaling.current queue mails 5',
    'perfscope.scaling.desired service booking 2',
  ]);
  expect(rows[0]).toMatchObject({ timestamp: now, service: 'perfscope', instance: 'one' });
  expect(listExported()).toEqual([
    'perfscope_scaling_desired{kind="queue",name="mails"} 13',
    'perfscope_scaling_desired{kind="service",name="booking"} 2',
    'perfscope_scaling_current{kind="queue",name="mails"} 5',
  ]);
  getViews = () => [makeView('mails', 4, 13)];
  now += 60_000;
  await recorder.runOnce();
  expect(new Set(rows.map(({ id, timestamp }) => `${timestamp} ${id}`)).size).toBe(5);
  expect(listExported()).toEqual([
    'perfscope_scaling_desired{kind="queue",name="mails"} 4',
    'perfscope_scaling_current{kind="queue",name="mails"} 13',
  ]);
});

it('exports the last recommendations only for a limited time while QuestDB is unreachable', async () => {
  getViews = () => [makeView('mails', 3, 3)];
  await recorder.runOnce();
  getViews = () => {
    throw new Error('unreachable');
  };
  now += 120_000;
  await recorder.runOnce();
  expect(listExported()).toHaveLength(2);
  now += 60_000;
  await recorder.runOnce();
  expect(listExported()).toEqual([]);
  expect(rows).toHaveLength(2);
});

it('stores only the 200 recommendations with the most workers', async () => {
  getViews = () => Array.from({ length: 500 }, (_, i) => makeView(`queue-${i}`, i));
  await recorder.runOnce();
  expect(rows).toHaveLength(200);
  expect(listStored()[0]).toBe('perfscope.scaling.desired queue queue-499 499');
});

it('uses the same defaults as the endpoint', () => {
  const { targetWait, stabilization, ...others } = scalingEndpoint.query.parse({});
  const [waitMs, stabilizationMs] = [targetWait, stabilization].map(parseDuration);
  expect(DEFAULT_SCALING_REQUEST).toEqual({ waitMs, stabilizationMs, ...others });
});
