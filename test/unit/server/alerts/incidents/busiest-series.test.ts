import { expect, it } from 'vitest';
import {
  MAX_BUSIEST_SERIES,
  selectBusiest,
} from '../../../../../src/server/alerts/incidents/causes/busiest-series.ts';

/** Creates series with increasing load. The first series have failures. */
const toSeries = (count: number, failing = 0) =>
  Array.from({ length: count }, (_, i) => ({
    group: {
      service: 'booking',
      endpoint: `/${i}`,
      operation: i === count - 1 ? undefined : 'GET',
    },
    load: i,
    failures: i < failing ? i + 1 : 0,
  }));
const GROUP_BY = ['service', 'endpoint', 'operation'] as const;

it('selects all series up to the limit', () => {
  expect(selectBusiest(toSeries(MAX_BUSIEST_SERIES), GROUP_BY)).toEqual({});
});

it('selects the series with the greatest load', () => {
  const filter = selectBusiest(toSeries(2000), GROUP_BY);
  expect(filter.service).toEqual(['booking']);
  expect(filter.operation).toEqual(['(none)', 'GET']);
  expect(filter.endpoint).toEqual(Array.from({ length: 100 }, (_, i) => `/${1999 - i}`));
});

it('also selects the series with the most failures', () => {
  const { endpoint } = selectBusiest(toSeries(2000, 60), GROUP_BY);
  expect(endpoint).toHaveLength(150);
  expect(endpoint).toContain('/59');
  expect(endpoint).not.toContain('/9');
});
