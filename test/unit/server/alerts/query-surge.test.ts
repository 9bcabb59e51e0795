import fc from 'fast-check';
import { expect, it } from 'vitest';
import { selectGroups } from '../../../../src/server/alerts/rule-queries/query-surge.ts';
import type { MetricSums } from '../../../../src/storage/queries/measurement-sums.ts';

const MEASURE = { filter: {}, groupBy: ['organization', 'service'] } as const;

function makeGroup(tenant: number, service: number, count: number): MetricSums {
  return {
    group: { organization: `tenant-${tenant}`, service: `service-${service}` },
    ...{ count, errorCount: 0, sum: 0, valueCount: 0, valueSum: 0 },
    ...{ min: undefined, max: undefined, last: undefined, newestMs: 0, oldestMs: 0 },
  };
}

function makeGroups(tenants: number, services: number): MetricSums[] {
  return Array.from({ length: tenants * services }, (_, i) =>
    makeGroup(i % tenants, Math.floor(i / tenants), (i * 7919) % 10_007),
  );
}

it('compares all groups of a small installation', () => {
  const groups = makeGroups(25, 10);
  expect(selectGroups(groups, MEASURE)).toEqual({ compared: groups, filter: {} });
});

it('reads at most 500 groups, and compares the groups with the most requests', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 600 }),
      fc.integer({ min: 1, max: 20 }),
      (tenants, services) => {
        const groups = makeGroups(tenants, services);
        const { compared, filter } = selectGroups(groups, MEASURE);
        const isRead = ({ group }: MetricSums) =>
          (filter.organization?.includes(group.organization!) ?? true) &&
          (filter.service?.includes(group.service!) ?? true);
        expect(groups.filter(isRead).length).toBeLessThanOrEqual(500);
        expect(compared.every(isRead)).toBe(true);
        const least = Math.min(...compared.map(({ count }) => count));
        const others = groups.filter((group) => !compared.includes(group));
        expect(Math.max(0, ...others.map(({ count }) => count))).toBeLessThanOrEqual(least);
      },
    ),
    { numRuns: 50 },
  );
});

it('keeps the filter of the rule', () => {
  const measure = { ...MEASURE, filter: { service: ['service-1'] } };
  const { filter } = selectGroups(makeGroups(600, 1), measure);
  expect(filter.service).toEqual(['service-1']);
});
