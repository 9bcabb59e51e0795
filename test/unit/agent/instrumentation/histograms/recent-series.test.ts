import { expect, it } from 'vitest';
import {
  type HistogramSeries,
  KeyedHistogram,
} from '../../../../../src/agent/instrumentation/histograms/keyed-histogram.ts';
import { RecentSeries } from '../../../../../src/agent/instrumentation/histograms/recent-series.ts';

const OPTIONS = { scope: 'test', name: 'test', unit: 's', description: '', boundaries: [1] };
const createHistogram = () =>
  new KeyedHistogram(OPTIONS, { isScraped: false, exportAggregation: undefined }, () => {});
const histogram = createHistogram();
const IDENTITY = {
  histogram,
  tenant: { organizationId: 'grand-hotels', propertyId: 'seaside' },
  name: 'GET',
  template: '/rooms/{id}',
  status: 200,
};
const getSeries = (key: string, attributes = {}): HistogramSeries =>
  histogram.getSeries(key, () => ({
    'url.template': '/rooms/{id}',
    'perfscope.organization.id': 'grand-hotels',
    'perfscope.property.id': 'seaside',
    ...attributes,
  }));

it('returns the most recent series of an owner', () => {
  const owner = Object.freeze({});
  expect(RecentSeries.get(owner, IDENTITY)).toBeUndefined();
  RecentSeries.set(owner, { ...IDENTITY, status: 404 }, getSeries('404'));
  RecentSeries.set(owner, IDENTITY, getSeries('200'));
  expect(RecentSeries.get(owner, { ...IDENTITY })).toBe(getSeries('200'));
  expect(RecentSeries.get({}, IDENTITY)).toBeUndefined();
});

it.each<[string, Partial<typeof IDENTITY>]>([
  ['another organization', { tenant: { ...IDENTITY.tenant, organizationId: 'other' } }],
  ['another property', { tenant: { ...IDENTITY.tenant, propertyId: 'other' } }],
  ['another method', { name: 'POST' }],
  ['another template', { template: '/guests/{id}' }],
  ['another status', { status: 404 }],
  ['another histogram', { histogram: createHistogram() }],
])('does not return a series for %s', (_difference, changed) => {
  const owner = {};
  RecentSeries.set(owner, IDENTITY, getSeries('200'));
  expect(RecentSeries.get(owner, { ...IDENTITY, ...changed })).toBeUndefined();
});

it('does not store a combined series, whose values are counted as overflows', () => {
  const owner = {};
  RecentSeries.set(owner, IDENTITY, getSeries('combined', { 'otel.metric.overflow': true }));
  expect(RecentSeries.get(owner, IDENTITY)).toBeUndefined();
});
