import { expect, it } from 'vitest';
import { describeCounts, formatAnomalies } from '../../../src/cli/anomalies-command.ts';

const NORMAL = {
  metricType: 'API_RESPONSE_TIME',
  aggregate: 'p95',
  group: { service: 'shop' },
  sensitivity: 'medium',
  from: '2026-11-30T10:00:00Z',
  to: '2026-11-30T10:05:00Z',
  value: 812,
  lower: 210,
  expected: 260,
  upper: 340,
  distance: 9.42,
  outside: true,
  deploy: 'since a deploy of 1.4.2 at 2026-11-30 09:55',
  status: 'ready',
  text: 'learned from 28 d, 672 hourly values',
  values: 672,
  omittedSeries: 0,
} as const;

it('shows the value, the normal values, and the deploy before', () => {
  const learning = {
    ...NORMAL,
    aggregate: 'rate',
    group: { service: 'bank' },
    ...{ value: 2.5, lower: undefined, upper: undefined, distance: undefined, outside: false },
    ...{ deploy: undefined, text: 'less than two days of data: 5 h' },
    status: 'learning',
  } as const;
  const [head, outside, other] = formatAnomalies([NORMAL, learning]).split('\n');
  expect(head).toMatch(/series +labels +value +normal values +distance +status +note/);
  expect(outside).toMatch(
    /p95 of API_RESPONSE_TIME +service=shop +812 ms +210 ms to 340 ms +9.42 +outside +since a deploy of 1.4.2/,
  );
  expect(other).toMatch(/service=bank +2.5\/s +learning +less than two days of data: 5 h/);
});

it('counts the series', () => {
  expect(describeCounts({ outside: 1, ready: 3, learning: 2, unknown: 0 })).toBe(
    '1 series is outside of normal values. 3 have a band, 2 are still learning, and 0 have no normal values.',
  );
});
