import { describe, expect, it } from 'vitest';
import { computeStoredBound } from '../../../../../src/core/histogram/histogram-buckets.ts';
import { compareVersions } from '../../../../../src/server/alerts/deploys/compare-versions.ts';
import type { Deploy } from '../../../../../src/server/alerts/deploys/deploy.ts';
import {
  type Finding,
  formatFinding,
  selectHeadlines,
} from '../../../../../src/server/alerts/deploys/finding.ts';
import { observeDeploys } from '../../../../../src/server/alerts/deploys/observe-deploys.ts';
import type { GroupHistograms } from '../../../../../src/storage/queries/interval-histograms.ts';
import { createRandom } from '../../../../support/random.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NO_DAY = { before: [], after: [] };

/** Creates histograms of a version with log-normal durations. */
function makeGroup(
  version: string,
  [from, to]: readonly [from: number, to: number],
  factor: number,
  perMinute = 300,
  group: Partial<GroupHistograms['group']> = {},
): GroupHistograms {
  const random = createRandom(from * 7 + version.length + perMinute);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const intervals = Array.from({ length: to - from }, (_, i) => {
    const values = Array.from({ length: perMinute }, () => 40 * factor * Math.exp(0.4 * normal()));
    const counts = Map.groupBy(values, (value) => computeStoredBound(value, 1000));
    return {
      ...{ atMs: (from + i) * MINUTE_MS, count: perMinute, errorCount: 0, abortedCount: 0 },
      sum: values.reduce((sum, value) => sum + value, 0),
      buckets: [...counts].flatMap(([bound, found]) => [bound, found.length]),
    };
  });
  const common = { endpoint: '/bookings', operation: 'POST' };
  return { type: 'API_RESPONSE_TIME', group: { ...common, version, ...group }, intervals };
}

const verdicts = (findings: readonly Finding[]) => [...new Set(findings.map((f) => f.verdict))];

describe('compareVersions', () => {
  it('compares both versions in the same minutes if both have enough requests', () => {
    // Both are slower now, for example because of the database.
    const after = [makeGroup('1', [60, 70], 1.5), makeGroup('2', [60, 70], 1.5)];
    const before = [makeGroup('1', [0, 60], 1)];
    const { findings } = compareVersions({ version: '2', before, after, dayBefore: NO_DAY }, 0.001);
    expect(findings[0]?.method).toBe('concurrent');
    expect(verdicts(findings)).toEqual(['unchanged']);
  });

  it('compares with the time before if the old version has few requests', () => {
    const after = [makeGroup('1', [60, 70], 1, 20), makeGroup('2', [60, 70], 1.3)];
    const before = [makeGroup('1', [0, 60], 1)];
    const { findings } = compareVersions({ version: '2', before, after, dayBefore: NO_DAY }, 0.001);
    expect(findings[0]?.method).toBe('before');
    expect(findings.find(({ statistic }) => statistic === 'p95')?.verdict).toBe('regression');
  });

  it('ignores an earlier run of the same version', () => {
    const before = [makeGroup('1', [0, 60], 1), makeGroup('2', [10, 30], 1.5)];
    const after = [makeGroup('2', [60, 70], 1.5)];
    const { findings } = compareVersions({ version: '2', before, after, dayBefore: NO_DAY }, 0.001);
    expect(findings.find(({ statistic }) => statistic === 'p50')?.before).toBeLessThan(42);
  });

  it('compares with the other endpoints if all of them vary together', () => {
    const common = (minute: number) => 1 + 0.3 * Math.sin(minute * minute);
    const make = (version: string, from: number, to: number, slow: number) =>
      Array.from({ length: 7 }, (_, i) =>
        Array.from({ length: to - from }, (__, j) => {
          const factor = common(from + j) * (i === 3 ? slow : 1);
          const endpoint = `/endpoint-${i}`;
          return makeGroup(version, [from + j, from + j + 1], factor, 300, { endpoint });
        }),
      ).flat();
    const [before, after] = [make('1', 0, 60, 1), make('2', 60, 64, 1.3)];
    const { findings } = compareVersions({ version: '2', before, after, dayBefore: NO_DAY }, 0.001);
    const regressions = findings.filter(({ verdict }) => verdict === 'regression');
    expect(regressions).toMatchObject([
      { endpoint: '/endpoint-3', statistic: 'typical', isRelative: true },
    ]);
    expect(regressions[0]?.change).toBeCloseTo(0.3, 1);
    expect(formatFinding('2', regressions[0]!)).toContain(
      'slower on geometric average compared with other series (1,200 requests',
    );
  });

  it('reports improvements', () => {
    const [before, after] = [[makeGroup('1', [0, 60], 1)], [makeGroup('2', [60, 70], 0.7)]];
    const { findings } = compareVersions({ version: '2', before, after, dayBefore: NO_DAY }, 0.001);
    expect(verdicts(findings)).toContain('improvement');
    expect(selectHeadlines(findings)).toHaveLength(1);
  });

  it('needs enough data, and counts the compared series', () => {
    const before = [makeGroup('1', [0, 60], 1)];
    const few = [makeGroup('2', [60, 70], 2, 19)];
    const other = [makeGroup('2', [60, 70], 2, 300, { endpoint: '/new' })];
    for (const after of [few, other, []]) {
      const compared = compareVersions({ version: '2', before, after, dayBefore: NO_DAY }, 0.001);
      expect(compared).toEqual({ findings: [], comparedSeries: 0 });
    }
  });
});

const FINDING: Finding = {
  ...{ type: 'API_RESPONSE_TIME', endpoint: '/bookings', operation: 'POST' },
  ...{ statistic: 'p95', verdict: 'regression', method: 'before', before: 100, after: 134 },
  ...{ change: 0.34, lower: 0.2, upper: 0.5, countBefore: 18_000, countAfter: 1204, look: 2 },
};

it('formats findings as sentences', () => {
  expect(formatFinding('1.8.0', FINDING)).toBe(
    '1.8.0 made POST /bookings 34 % slower at p95 (1,204 requests, 99 % confidence)',
  );
  const jobs = {
    ...FINDING,
    type: 'QUEUE_WAIT_TIME',
    endpoint: 'mail',
    operation: 'send',
  } as const;
  expect(formatFinding('2', { ...jobs, change: -0.2, statistic: 'mean' })).toBe(
    '2 made the wait in the queue mail 20 % faster on average (1,204 jobs, 99 % confidence)',
  );
  const errors = { ...FINDING, statistic: 'errorRate', before: 0.01, after: 0.05, change: 0.04 };
  expect(formatFinding('2', { ...(errors as Finding), organization: 'grand' })).toBe(
    '2 increased the error rate of POST /bookings for grand from 1 % to 5 % (1,204 requests, 99 % confidence)',
  );
});

describe('observeDeploys', () => {
  const deploy: Deploy = {
    ...{ id: 'a', service: 'booking', environment: undefined, version: '1.8.0' },
    ...{ previousVersion: '1.7.0', sources: ['detected'], startsMs: 0, look: 2, seq: 2 },
    ...{ commit: undefined, author: undefined, url: undefined, comparedSeries: 1 },
    ...{ findings: [FINDING], endedMs: undefined, endReason: undefined },
  };
  const observe = (
    fields: Partial<Deploy>,
    minutes: number,
    metric: 'duration' | 'errors' = 'duration',
  ) =>
    observeDeploys([{ ...deploy, ...fields }], metric, minutes * MINUTE_MS).map(
      ({ labels, value }) => `${labels.subject} ${labels.organization ?? 'all'} ${value}`,
    );

  it('returns regressions, not improvements', () => {
    expect(observe({}, 6)).toEqual(['POST /bookings all 34']);
    expect(observe({ findings: [{ ...FINDING, verdict: 'improvement' }] }, 6)).toEqual([]);
    expect(observe({}, 6, 'errors')).toEqual([]);
  });

  it('returns a tenant only if the endpoint is not slower for all', () => {
    const tenant = { ...FINDING, organization: 'grand' };
    expect(observe({ findings: [tenant, FINDING] }, 6)).toEqual(['POST /bookings all 34']);
    expect(observe({ findings: [tenant] }, 6)).toEqual(['POST /bookings grand 34']);
  });

  it('ends after the version is gone, and after one day', () => {
    expect(observe({ endedMs: 7 * MINUTE_MS }, 8)).toEqual(['POST /bookings all 0']);
    expect(observe({ endedMs: 7 * MINUTE_MS }, 70)).toEqual([]);
    expect(observe({}, 24 * 60 + 1)).toEqual(['POST /bookings all 0']);
    expect(observe({}, (26 * HOUR_MS) / MINUTE_MS)).toEqual([]);
  });

  it('keeps its labels when a later comparison confirms other statistics', () => {
    const later: Finding = { ...FINDING, look: 3, statistic: 'errorRate' };
    const mean: Finding = { ...FINDING, look: 1, statistic: 'mean' };
    const labels = (findings: Finding[]) =>
      observeDeploys([{ ...deploy, findings }], 'duration', MINUTE_MS)[0]?.labels.statistic;
    expect(labels([mean, { ...FINDING, look: 3 }, later])).toBe('on average');
  });
});
