import { expect, it } from 'vitest';
import {
  formatRollupHistoryName,
  parseRollupHistory,
} from '../../../../src/core/schema/rollup-history.ts';

it.each([
  ['metric_buckets_1m_h20', { view: 'metric_buckets_1m', viewId: 20, kind: 'lost' }],
  ['queue_metrics_1h_v2_c7', { view: 'queue_metrics_1h_v2', viewId: 7, kind: 'changed' }],
] as const)('formats and parses the history %s', (name, history) => {
  expect(formatRollupHistoryName(history)).toBe(name);
  expect(parseRollupHistory(name)).toEqual(history);
});

it.each([
  'metric_buckets_1h',
  'metric_buckets_h20',
  'metric_buckets_1m_h20_part',
  'metric_buckets_1m_old',
  'mine_1m_h20',
])('does not parse the other name %s', (name) => {
  expect(parseRollupHistory(name)).toBeUndefined();
});
