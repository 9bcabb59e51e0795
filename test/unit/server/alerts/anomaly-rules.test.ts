import { describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../../../src/core/duration.ts';
import type { Observation } from '../../../../src/server/alerts/evaluation/observation.ts';
import { queryAnomalies } from '../../../../src/server/alerts/rule-queries/query-anomalies.ts';
import { RuleQueryCache } from '../../../../src/server/alerts/rule-queries/rule-query-cache.ts';
import type { Measure } from '../../../../src/server/alerts/rules/alert-rule.ts';
import type { AnomalyBands } from '../../../../src/server/anomalies/anomaly-bands.ts';
import { toSeriesKey } from '../../../../src/server/anomalies/band-measure.ts';
import type { MeasureBands } from '../../../../src/server/anomalies/history/measure-bands.ts';
import { SeriesHistory } from '../../../../src/server/anomalies/history/series-history.ts';
import { fitBand } from '../../../../src/server/anomalies/model/fit-band.ts';
import { WeekCalendar } from '../../../../src/server/anomalies/model/week-hours.ts';
import { createEmptyClient } from '../../../support/alert-fixtures.ts';
import { findRule, loadTestRules, runRule, T0 } from '../../../support/alert-rule-fixtures.ts';
import { createSeasonalShape, createSeasonalValues } from '../../../support/seasonal-series.ts';

const load = (measure: string, more = '') =>
  findRule(loadTestRules(`rules:\n  - name: r\n    measure: { ${measure} }\n    ${more}\n`), 'r');
const P95 = 'type: API_RESPONSE_TIME, aggregate: anomaly, of: p95, groupBy: [service]';

describe('the keys of a rule', () => {
  it('sets the threshold from the sensitivity', () => {
    expect(load(P95).levels).toEqual([{ severity: 'warning', threshold: 5 }]);
    expect(load(P95).recovery).toBe(2.5);
    expect(load(P95, 'recovery: 4').recovery).toBe(4);
    expect(load(`${P95}, sensitivity: low`).levels).toMatchObject([{ threshold: 7 }]);
    expect(load(`${P95}, sensitivity: high`).levels).toMatchObject([{ threshold: 3.5 }]);
    expect(load(P95, 'thresholds: { high: 8 }').levels).toEqual([
      { severity: 'high', threshold: 8 },
    ]);
  });

  it('watches one side or both, and the value is always above the threshold', () => {
    for (const side of ['above', 'below', 'both'] as const) {
      const rule = load(P95, `direction: ${side}`);
      expect(rule.direction).toBe('above');
      expect((rule.source as Measure).anomaly).toMatchObject({ of: 'p95', direction: side });
    }
  });

  it('accepts the preferred names of aggregates, and depths without a type', () => {
    const measure = load(P95.replace('p95', 'errorRate')).source as Measure;
    expect(measure.anomaly?.of).toBe('error_ratio');
    expect(() => load('aggregate: anomaly, of: depth, groupBy: [queue]')).not.toThrow();
  });

  it.each([
    ['type: API_RESPONSE_TIME, aggregate: anomaly', '', '`of` is missing'],
    ['aggregate: anomaly, of: p95', '', '`type` is missing'],
    [
      'type: API_RESPONSE_TIME, aggregate: p95, of: p95',
      'thresholds: { warning: 1 }',
      "doesn't support `of`",
    ],
    ['type: API_RESPONSE_TIME, aggregate: p95', 'direction: both', '`direction: both` requires'],
    [`${P95}, window: 30s`, '', '`window` of `anomaly` must be from `1m` to `1d`'],
    [`${P95}, sensitivity: extreme`, '', 'sensitivity'],
    ['type: API_RESPONSE_TIME, aggregate: anomaly, of: p95, groupBy: [host]', '', '`host`'],
  ])('rejects %s', (measure, more, message) => {
    expect(() => load(measure, more)).toThrow(message);
  });
});

const END_HOUR = Math.floor(T0 / HOUR_MS);
const EXPECTED = createSeasonalShape()(T0 + HOUR_MS / 2);

/** Bands of the service `shop`, learned from four weeks. */
function createBands(isLoaded = true): MeasureBands {
  const history = new SeriesHistory(
    toSeriesKey(['service'], { service: 'shop' }),
    { service: 'shop' },
    END_HOUR,
  );
  const values = createSeasonalValues(END_HOUR * HOUR_MS, 672);
  const calendar = new WeekCalendar('UTC');
  const model = fitBand({ kind: 'proportional', values, endHour: END_HOUR }, calendar);
  const band = { history, calendar, model, error: undefined, windows: new Map() };
  const bands = new Map([[history.key, band]]);
  return { isLoaded, bands, isLeftOut: () => false } as unknown as MeasureBands;
}

async function observe(
  found: readonly Partial<Observation>[],
  { bands = createBands(), direction = 'both', deploy = undefined as object | undefined } = {},
): Promise<Observation[]> {
  const rule = load(`${P95}, window: 1h`, `direction: ${direction}`);
  const cache = new RuleQueryCache(createEmptyClient(), T0 + HOUR_MS, 60_000);
  cache.bands = {
    watch: () => bands,
    findDeploy: async () => deploy,
    timeZone: 'UTC',
  } as unknown as AnomalyBands;
  return queryAnomalies(rule.source as Measure, cache, async () =>
    found.map((each) => ({
      labels: { service: 'shop' },
      value: EXPECTED,
      count: 100,
      newestMs: T0,
      ...each,
    })),
  );
}

describe('the observations of a rule', () => {
  it('are distances from the normal values', async () => {
    const [normal] = await observe([{}]);
    expect(Math.abs(normal?.value ?? 99)).toBeLessThan(2);
    expect(normal?.waiting).toBeUndefined();
    expect(normal?.context).toBeUndefined();
    const [high] = await observe([{ value: 10 * EXPECTED }]);
    expect(high?.value).toBeGreaterThan(7);
    const [below] = await observe([{ value: 10 * EXPECTED }], { direction: 'below' });
    expect(below?.value).toBeLessThan(-7);
    const [low] = await observe([{ value: EXPECTED / 20 }], { direction: 'below' });
    expect(low?.value).toBeGreaterThan(7);
  });

  it('explain the distance, with the deploy before', async () => {
    const deploy = { service: 'shop', version: '1.4.2', atMs: T0 };
    const [slow] = await observe([{ value: 10 * EXPECTED }], { deploy });
    expect(slow?.context).toMatch(
      /^p95 is [\d.,]+ (ms|s), usually .* to .* at this time \(learned from 28 d, 672 hourly values\); since a deploy of 1\.4\.2 at 2026-11-02 09:00$/,
    );
  });

  it('wait while the band is unknown', async () => {
    const [loading] = await observe([{ value: 1e9 }], { bands: createBands(false) });
    expect(loading).toMatchObject({
      value: 0,
      waiting: { reason: 'band', detail: 'the stored values are being read' },
    });
    const [other] = await observe([{ labels: { service: 'other' }, value: 1e9 }]);
    expect(other).toMatchObject({ value: 0, waiting: { reason: 'band' } });
  });
});

it('stores the expected range as the cause of the alert', () => {
  const rule = load(P95);
  const { transitions } = runRule(rule, [
    [0, { value: 0 }],
    [60, { value: 9, context: 'usually 5 ms to 9 ms' }],
  ]);
  expect(transitions.at(-1)).toMatchObject({ state: 'firing', cause: 'usually 5 ms to 9 ms' });
});
