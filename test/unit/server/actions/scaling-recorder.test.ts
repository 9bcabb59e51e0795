import { beforeEach, expect, it } from 'vitest';
import { parseDuration } from '../../../../src/core/format.ts';
import type { PerformanceMetricRow } from '../../../../src/core/schema/tables/performance-metrics-table.ts';
import type { ScalingView } from '../../../../src/server/actions/action-views.ts';
import {
  DEFAULT_SCALING_REQUEST,
  ScalingRecorder,
} from '../../../../src/server/actions/scaling/scaling-recorder.ts';
import { scalingEndpoint } from '../../../../src/server/api/endpoints/scaling-endpoint.ts';

let answer: () => readonly ScalingView[];
let now = 0;
let rows: PerformanceMetricRow[] = [];
const asked: unknown[] = [];
const recommender = new ScalingRecorder({
  recommend: async (ask) => {
    asked.push(ask);
    return answer();
  },
  add: (_table, added) => void rows.push(...(added as readonly PerformanceMetricRow[])),
  origin: { service: 'perfscope', instance: 'one' },
  now: () => now,
});
beforeEach(() => {
  now += 3_600_000;
  rows = [];
});

function scaled(name: string, desired: number, current?: number): ScalingView {
  return {
    kind: 'queue',
    name,
    desired,
    current,
    arrivalRate: 1,
    processingTime: 1,
    backlog: 0,
    reason: '',
  };
}

const stored = () => rows.map((row) => `${row.name} ${row.operation} ${row.endpoint} ${row.value}`);
const scraped = () =>
  recommender
    .metricsText()
    .split('\n')
    .filter((line) => line && !line.startsWith('#'));

it('stores what is recommended to who names no target, and tells Prometheus', async () => {
  answer = () => [scaled('mails', 13, 5), { ...scaled('booking', 2), kind: 'service' }];
  await recommender.runOnce();
  expect(asked).toEqual([DEFAULT_SCALING_REQUEST]);
  expect(stored()).toEqual([
    'perfscope.scaling.desired queue mails 13',
    'perfscope.scaling.current queue mails 5',
    'perfscope.scaling.desired service booking 2',
  ]);
  expect(rows[0]).toMatchObject({ timestamp: now, service: 'perfscope', instance: 'one' });
  expect(scraped()).toEqual([
    'perfscope_scaling_desired{kind="queue",name="mails"} 13',
    'perfscope_scaling_desired{kind="service",name="booking"} 2',
    'perfscope_scaling_current{kind="queue",name="mails"} 5',
  ]);
  answer = () => [scaled('mails', 4, 13)];
  now += 60_000;
  await recommender.runOnce();
  expect(new Set(rows.map(({ id, timestamp }) => `${timestamp} ${id}`)).size).toBe(5);
  expect(scraped()).toEqual([
    'perfscope_scaling_desired{kind="queue",name="mails"} 4',
    'perfscope_scaling_current{kind="queue",name="mails"} 13',
  ]);
});

it('says for a while what it knew when QuestDB went away, and then nothing', async () => {
  answer = () => [scaled('mails', 3, 3)];
  await recommender.runOnce();
  answer = () => {
    throw new Error('away');
  };
  now += 120_000;
  await recommender.runOnce();
  expect(scraped()).toHaveLength(2);
  now += 60_000;
  await recommender.runOnce();
  expect(scraped()).toEqual([]);
  expect(rows).toHaveLength(2);
});

it('stores those that need most where there are many', async () => {
  answer = () => Array.from({ length: 500 }, (_, i) => scaled(`queue-${i}`, i));
  await recommender.runOnce();
  expect(rows).toHaveLength(200);
  expect(stored()[0]).toBe('perfscope.scaling.desired queue queue-499 499');
});

it('asks what the endpoint asks when nobody says anything else', () => {
  const { targetWait, stabilization, ...others } = scalingEndpoint.query.parse({});
  const [waitMs, stabilizationMs] = [targetWait, stabilization].map(parseDuration);
  expect(DEFAULT_SCALING_REQUEST).toEqual({ waitMs, stabilizationMs, ...others });
});
