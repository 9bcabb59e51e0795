import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import { createNoiseReport } from '../../../../src/server/backtest/noise/noise-report.ts';
import {
  chooseSuggestion,
  isCovered,
  listRuleCandidates,
} from '../../../../src/server/backtest/noise/suggest-rule-change.ts';
import type { AlertSpan } from '../../../../src/server/backtest/report/alert-spans.ts';
import { makeRule, T0 } from '../../../support/alert-rule-fixtures.ts';

const RULE = makeRule('thresholds: { warning: 10, critical: 20 }\nfor: 3m');

function makeSpan(fromMinute: number, minutes: number, more: Partial<AlertSpan> = {}): AlertSpan {
  const firedMs = T0 + fromMinute * MINUTE_MS;
  return {
    id: `a${fromMinute}`,
    rule: 'r',
    key: '{"service":"booking"}',
    firedMs,
    endedMs: firedMs + minutes * MINUTE_MS,
    severity: 'warning',
    value: 12,
    acknowledgedMs: undefined,
    endCause: undefined,
    ...more,
  };
}

const spans = fc.array(
  fc
    .record({
      from: fc.integer({ min: 0, max: 600 }),
      minutes: fc.integer({ min: 0, max: 60 }),
      service: fc.constantFrom('a', 'b'),
    })
    .map(({ from, minutes, service }) =>
      makeSpan(from, minutes, { key: JSON.stringify({ service }) }),
    ),
  { maxLength: 12 },
);

it('never suggests a rule that misses an acknowledged alert, or that fires as often', () => {
  let suggested = 0;
  const [candidate] = listRuleCandidates(RULE, {});
  fc.assert(
    fc.property(
      spans,
      fc.integer({ min: 0, max: 20 }),
      fc.array(spans, { maxLength: 5 }),
      (acknowledged, fired, all) => {
        const candidates = all.map((own) => ({ candidate: candidate!, spans: own }));
        const best = chooseSuggestion(acknowledged, fired, candidates);
        if (!best) return;
        suggested += 1;
        expect(best.spans.length).toBeLessThan(Math.max(fired, 1));
        for (const { key, firedMs, endedMs } of acknowledged) {
          const during = best.spans.filter(
            (span) => span.key === key && span.firedMs <= endedMs! && span.endedMs! >= firedMs,
          );
          expect(during.length).toBeGreaterThan(0);
        }
      },
    ),
    { numRuns: 2000 },
  );
  expect(suggested).toBeGreaterThan(20);
});

describe('candidates', () => {
  it('are a longer `for`, higher thresholds, and a coarser grouping', () => {
    const rule = {
      ...RULE,
      source: { ...RULE.source, groupBy: ['service', 'endpoint'] },
    } as typeof RULE;
    expect(
      listRuleCandidates(rule, { measure: { aggregate: 'mean' } }).map(({ keys }) => keys),
    ).toEqual([
      { for: '5m' },
      { for: '10m' },
      { for: '15m' },
      { for: '30m' },
      { thresholds: { warning: 11, critical: 22 } },
      { thresholds: { warning: 12.5, critical: 25 } },
      { thresholds: { warning: 15, critical: 30 } },
      { thresholds: { warning: 20, critical: 40 } },
      { measure: { aggregate: 'mean', groupBy: ['service'] } },
    ]);
  });

  it('keep thresholds with an absolute recovery, and the tenants of a grouping', () => {
    const source = { ...RULE.source, groupBy: ['service', 'organization'] };
    const rule = { ...RULE, source } as typeof RULE;
    const keys = listRuleCandidates(rule, { recovery: 8 }).map((each) => Object.keys(each.keys)[0]);
    expect(new Set(keys)).toEqual(new Set(['for']));
  });

  it('lower the thresholds of a rule that fires below them', () => {
    const rule = makeRule('direction: below\nthresholds: { warning: 90 }');
    const found = listRuleCandidates(rule, {}).find(({ keys }) => 'thresholds' in keys);
    expect(found?.keys).toEqual({ thresholds: { warning: 81.8 } });
  });
});

it('covers an acknowledged alert with an alert of a coarser group', () => {
  const acknowledged = makeSpan(10, 5, { key: '{"endpoint":"/x","service":"booking"}' });
  expect(isCovered(acknowledged, [makeSpan(12, 1)])).toBe(true);
  expect(isCovered(acknowledged, [makeSpan(16, 1)])).toBe(false);
  expect(isCovered(acknowledged, [makeSpan(12, 1, { key: '{"service":"other"}' })])).toBe(false);
});

it('reports short, flapping, and unacknowledged alerts, and pages at night', () => {
  // T0 is 09:00 UTC.
  const all = [
    makeSpan(0, 5),
    makeSpan(20, 5),
    makeSpan(120, 30, { acknowledgedMs: T0 + 125 * MINUTE_MS }),
    makeSpan(14 * 60, 40),
    makeSpan(5000, 5),
  ];
  const night = T0 + 14 * HOUR_MS;
  const messages = [
    { atMs: T0, alertId: 'a0', receiver: 'team', channel: 'email' },
    { atMs: night, alertId: 'a840', receiver: 'on-call', channel: 'sms' },
    { atMs: night, alertId: 'a840', receiver: 'team', channel: 'email' },
    { atMs: night, alertId: 'other', receiver: 'team', channel: 'email' },
  ];
  const range = { fromMs: T0, toMs: T0 + 24 * HOUR_MS };
  expect(createNoiseReport(all, messages, range, 'utc')).toEqual([
    {
      name: 'r',
      fired: 4,
      firingMs: 80 * MINUTE_MS,
      medianMs: 17.5 * MINUTE_MS,
      acknowledged: 1,
      unacknowledged: 3,
      short: 2,
      flapping: 1,
      nightPages: 1,
      receivers: [
        { name: 'team', messages: 2, nightMessages: 1 },
        { name: 'on-call', messages: 1, nightMessages: 1 },
      ],
    },
  ]);
  // In Tokyo, 09:00 UTC is 18:00, and 23:00 UTC is 08:00.
  expect(createNoiseReport(all, messages, range, 'Asia/Tokyo')[0]?.nightPages).toBe(0);
});
