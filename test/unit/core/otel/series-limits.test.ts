import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toNameFact } from '../../../../src/core/otel/mapping/metric-presence.ts';
import { mapResource } from '../../../../src/core/otel/mapping/resource-mapping.ts';
import { SeriesCache } from '../../../../src/core/otel/mapping/series-cache.ts';
import { DEFAULT_TENANT_ATTRIBUTES } from '../../../../src/core/otel/mapping/tenant-attributes.ts';
import { CumulativeSeries } from '../../../../src/core/otel/series/cumulative-series.ts';
import { shareByOwner, shareFairly } from '../../../../src/core/otel/series/fair-shares.ts';
import { ProcessFacts } from '../../../../src/core/otel/series/process-facts.ts';
import type { SeriesSource } from '../../../../src/core/otel/series/series-groups.ts';

const DAY_MS = 86_400_000;
const START_MS = 1000;
const BASELINE = { kind: 'ignored', reason: 'baseline' };

function createSource(
  organizationId: string,
  { service = 'shop', name = 'orders', hasKey = true } = {},
): SeriesSource {
  return { name, hasSenderOrganization: hasKey, template: { organizationId, service } };
}

function send(
  series: CumulativeSeries,
  source: SeriesSource,
  key: string,
  timeMs: number,
  value: number,
  startMs = START_MS,
) {
  const transaction = series.begin(timeMs);
  const point = { attributes: {}, startTimeMs: startMs, timeMs, value };
  const converted = transaction.convertNumber(key, point, undefined, source);
  transaction.commit();
  return converted;
}

/** Sends series that all have other attributes. */
function flood(series: CumulativeSeries, source: SeriesSource, timeMs: number, count = 50): void {
  for (let i = 0; i < count; i++) send(series, source, `flood-${timeMs}-${i}`, timeMs, 1);
}

/** A part of the series continues, and new series are stored from their start. */
function expectUnaffected(series: CumulativeSeries, source: SeriesSource, keys: string[]): void {
  for (const key of keys) {
    const converted = send(series, source, key, 4000, 8);
    expect(converted).toMatchObject({ kind: 'delta', point: { value: 3 } });
  }
  const converted = send(series, source, 'new', 4000, 2);
  expect(converted).toMatchObject({ kind: 'delta', point: { value: 2 } });
}

describe('the limit of series', () => {
  it.each([
    ['organization', createSource('acme'), createSource('other')],
    ['service', createSource('acme'), createSource('acme', { service: 'cart' })],
    ['service without organization', createSource(''), createSource('', { service: 'cart' })],
  ])('affects only the %s with the most series', (_, source, runaway) => {
    const series = new CumulativeSeries({ sinceMs: 0, maxSeries: 20 });
    const keys = ['a', 'b', 'c'];
    for (const key of keys) send(series, source, key, 2000, 5);
    flood(series, runaway, 3000);
    expect(series.size).toBe(20);
    expect(series.droppedSeries).toBe(33);
    expectUnaffected(series, source, keys);
    expect(send(series, runaway, 'flood-3000-0', 4000, 9)).toEqual(BASELINE);
    expect(send(series, runaway, 'later', 5000, 9, 4500)).toMatchObject({ point: { value: 9 } });
  });

  it('affects only the service with the most buckets', () => {
    const series = new CumulativeSeries({ sinceMs: 0, maxCounts: 40 });
    const sendHistogram = (source: SeriesSource, key: string, timeMs: number) => {
      const transaction = series.begin(timeMs);
      transaction.convertHistogram(
        key,
        {
          ...{ attributes: {}, startTimeMs: START_MS, timeMs, count: 4, sum: 4 },
          ...{ bounds: [1, 2, 3], bucketCounts: [1, 1, 1, 1] },
        },
        undefined,
        source,
      );
      transaction.commit();
    };
    const acme = createSource('acme');
    for (const key of ['a', 'b']) sendHistogram(acme, key, 2000);
    // Forgetting a number would free no bucket.
    send(series, createSource('other'), 'number', 2000, 5);
    for (let i = 0; i < 10; i++) sendHistogram(createSource('other'), `flood-${i}`, 3000);
    expect(['a', 'b', 'number'].filter((key) => !series.states.get(key))).toEqual([]);
    // After the first one was forgotten, the new series have only a value and no delta.
    expect(series.droppedSeries).toBe(4);
    expect(send(series, acme, 'new', 4000, 2)).toMatchObject({ point: { value: 2 } });
  });

  it('still affects no other service after a restart', () => {
    const before = new CumulativeSeries({ sinceMs: 0, maxSeries: 20 });
    const acme = createSource('acme');
    const other = createSource('other');
    for (const key of ['a', 'b']) send(before, acme, key, 2000, 5);
    flood(before, other, 3000);
    const after = new CumulativeSeries({ sinceMs: 0, maxSeries: 20 });
    for (const chunk of before.states.encodeAll()) after.states.merge(chunk);
    after.states.sort();
    expect(send(after, other, 'flood-3000-0', 4000, 9)).toEqual(BASELINE);
    flood(after, other, 4000);
    expectUnaffected(after, acme, ['a', 'b']);
  });

  it('keeps series of a key although another sender invents organizations and services', () => {
    const series = new CumulativeSeries({ sinceMs: 0, maxSeries: 2500 });
    const acme = createSource('acme');
    const keys = Array.from({ length: 20 }, (_, i) => `acme-${i}`);
    for (let i = 0; i < 2000; i++) {
      send(series, createSource(`org-${i}`, { hasKey: false }), `org-${i}`, 1500, 1);
    }
    for (const key of keys) send(series, acme, key, 2000, 5);
    for (let i = 0; i < 2000; i++) {
      const invented = createSource(`late-${i}`, { service: `service-${i}`, hasKey: false });
      send(series, invented, `late-${i}`, 3000, 1);
      send(series, createSource('own', { service: `service-${i}` }), `own-${i}`, 3000, 1);
    }
    expectUnaffected(series, acme, keys);
  });

  it('stores no part of a forgotten series again after its group was removed', () => {
    const series = new CumulativeSeries({ sinceMs: 0 });
    for (let i = 0; i < 1001; i++) {
      send(series, createSource('acme', { service: `service-${i}` }), `series-${i}`, 2000, 5);
    }
    // All series have expired, so that their groups are removed.
    send(series, createSource('late'), 'late', 2 * DAY_MS, 5);
    send(series, createSource('late'), 'late', 2 * DAY_MS + 61_000, 5);
    const again = createSource('acme', { service: 'service-7' });
    expect(send(series, again, 'series-7', 3 * DAY_MS, 9)).toEqual(BASELINE);
  });

  it('reports the organization, the service, and the metric that lost the most series', () => {
    const series = new CumulativeSeries({ sinceMs: 0, maxSeries: 20 });
    send(series, createSource('acme'), 'a', 2000, 5);
    expect(series.states.takeSeriesReport()).toBeUndefined();
    const runaway = createSource('other', { service: 'cart', name: 'visits' });
    flood(series, runaway, 3000, 40);
    send(series, createSource('other', { service: 'cart', name: 'orders' }), 'b', 3000, 5);
    expect(series.states.takeSeriesReport()).toEqual({
      ...{ organization: 'other', service: 'cart', dropped: 22, kept: 19, metric: 'visits' },
    });
    expect(series.states.takeSeriesReport()).toBeUndefined();
  });
});

describe('the limit of facts', () => {
  it.each([
    ['organization', 'other\nshop'],
    ['service', 'acme\ncart'],
  ])('affects only the %s with the most facts', (_, owner) => {
    const facts = new ProcessFacts(20);
    facts.set('metric\nacme\nshop\n1\norders', 1);
    for (let i = 0; i < 50; i++) facts.set(`name\n${owner}\n${i}\norders`, 2);
    expect(facts.size).toBe(20);
    expect(facts.dropped).toBe(31);
    expect(facts.get('metric\nacme\nshop\n1\norders')).toBe(1);
    expect(facts.get(`name\n${owner}\n49\norders`)).toBe(2);
  });
});

it('contains the organization and the service in each fact, even if names are long', () => {
  const resource = mapResource(
    { 'service.name': 'shop', 'service.instance.id': 'x'.repeat(400) },
    { tenantAttributes: DEFAULT_TENANT_ATTRIBUTES, senderOrganizationId: 'acme' },
  );
  expect(toNameFact(resource, 'orders')).toMatch(/^name\nacme\nshop\n[0-9a-f]{40}$/);
});

it('keeps the mapped series of metrics in use although a sender invents metrics', () => {
  const cache = new SeriesCache();
  const options = { tenantAttributes: DEFAULT_TENANT_ATTRIBUTES };
  const resource = mapResource({ 'service.name': 'shop' }, options);
  const attributes = {};
  const map = (name: string) =>
    cache.forMetric(resource, { name: '' }, { name, unit: '', kind: 'sum' }, options)(attributes);
  const first = map('orders');
  for (let i = 0; i < 25_000; i++) {
    map(`invented-${i}`);
    if (i % 1000 === 0) expect(map('orders')).toBe(first);
  }
});

describe('a shared budget', () => {
  it('is used completely, and no user gets less than an equal share', () => {
    const usages = fc.array(fc.nat(50), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(usages, fc.nat(200), (used, budget) => {
        const shares = shareFairly(used, budget);
        const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
        expect(sum(shares)).toBe(Math.min(budget, sum(used)));
        const fair = Math.floor(budget / used.length);
        for (const [i, share] of shares.entries()) {
          expect(share).toBeLessThanOrEqual(used[i]!);
          expect(share).toBeGreaterThanOrEqual(Math.min(used[i]!, fair));
        }
      }),
    );
  });

  it('is divided between organizations first', () => {
    const items = ['a', 'b', 'c', 'd'].map((service) => ({
      ...{ organization: service === 'a' ? 'small' : 'large', service },
    }));
    const shares = shareByOwner(items, () => 10, 20);
    expect([...shares.values()]).toEqual([10, 3, 3, 4]);
  });
});
