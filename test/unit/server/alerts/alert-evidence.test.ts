import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { computeWilsonInterval } from '../../../../src/server/alerts/evaluation/confidence-bounds.ts';
import {
  evaluateRule,
  type RuleStates,
} from '../../../../src/server/alerts/evaluation/evaluate-alert-rule.ts';
import type { Observation } from '../../../../src/server/alerts/evaluation/observation.ts';
import {
  addReportedGroups,
  rebuildStates,
} from '../../../../src/server/alerts/evaluation/rebuild-alert-states.ts';
import {
  findRule,
  getOnlyState,
  loadTestRules,
  runRule,
  T0,
  type TimedObservation,
} from '../../../support/alert-rule-fixtures.ts';

const SET = loadTestRules('');
const Z = 1.959_964;

describe('the Wilson score interval', () => {
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const count = fc.integer({ min: 1, max: 1_000_000 });

  it('contains the share, and is within 0 and 1', () => {
    fc.assert(
      fc.property(share, count, (p, n) => {
        const { lower, upper } = computeWilsonInterval(p, n, Z);
        expect(lower >= 0 && lower <= p && p <= upper && upper <= 1).toBe(true);
      }),
    );
  });

  it('rises with the share', () => {
    fc.assert(
      fc.property(share, share, count, (a, b, n) => {
        const low = computeWilsonInterval(Math.min(a, b), n, Z);
        const high = computeWilsonInterval(Math.max(a, b), n, Z);
        expect(high.lower).toBeGreaterThanOrEqual(low.lower - 1e-12);
        expect(high.upper).toBeGreaterThanOrEqual(low.upper - 1e-12);
      }),
    );
  });

  it('narrows with the number of measurements, and approaches the share', () => {
    fc.assert(
      fc.property(share, count, fc.integer({ min: 1, max: 1000 }), (p, n, factor) => {
        const few = computeWilsonInterval(p, n, Z);
        const many = computeWilsonInterval(p, n * factor, Z);
        expect(many.lower).toBeGreaterThanOrEqual(few.lower - 1e-12);
        expect(many.upper).toBeLessThanOrEqual(few.upper + 1e-12);
        const { lower, upper } = computeWilsonInterval(p, 1e10, Z);
        expect(upper - lower).toBeLessThan(1e-4);
      }),
    );
  });

  it('widens with the confidence', () => {
    fc.assert(
      fc.property(share, count, (p, n) => {
        const narrow = computeWilsonInterval(p, n, 1.2);
        const wide = computeWilsonInterval(p, n, 2.5);
        expect(wide.lower).toBeLessThanOrEqual(narrow.lower + 1e-12);
        expect(wide.upper).toBeGreaterThanOrEqual(narrow.upper - 1e-12);
      }),
    );
  });

  it.each([
    [0, 10, 0, 0.2775],
    [0.5, 100, 0.4038, 0.5962],
    [0.1, 50, 0.0435, 0.2136],
  ])('of %d with %d measurements is [%d, %d]', (p, n, lower, upper) => {
    const found = computeWilsonInterval(p, n, Z);
    expect(found.lower).toBeCloseTo(lower, 4);
    expect(found.upper).toBeCloseTo(upper, 4);
  });
});

/** Returns the severity after one evaluation. */
function getSeverity(name: string, observation: Partial<Observation>): string | undefined {
  const rule = findRule(SET, name);
  const times = [0, 120, 240, 360];
  const { states } = runRule(
    rule,
    times.map((seconds) => [seconds, { labels: {}, ...observation }]),
  );
  const { alert } = getOnlyState(states);
  return alert?.state === 'firing' ? alert.severity : undefined;
}

describe('a share', () => {
  it.each([
    ['one failed request', 1, 1, undefined],
    ['two failed requests', 2, 2, undefined],
    ['one failure in ten requests', 1, 10, undefined],
    ['two failures in ten requests', 2, 10, undefined],
    ['a service that fails each of five requests', 5, 5, 'critical'],
    ['an outage', 50, 100, 'critical'],
    ['six percent of 100 requests', 6, 100, undefined],
    ['six percent of 10,000 requests', 600, 10_000, 'medium'],
  ])('of %s: %d of %d', (_case, failed, count, severity) => {
    expect(getSeverity('error-rate', { value: (100 * failed) / count, count })).toBe(severity);
  });

  it('resolves when the value itself has recovered', () => {
    const rule = findRule(SET, 'error-rate');
    const { summaries } = runRule(rule, [
      [0, { value: 50, count: 100 }],
      [30, { value: 20, count: 5 }],
      [60, { value: 2, count: 100 }],
      [120, { value: 2, count: 100 }],
    ]);
    expect(summaries).toEqual(['0 firing critical', '120 resolved critical']);
  });

  it('can be compared without its interval', () => {
    const rules = loadTestRules('rules: [{ name: error-rate, confidence: none }]');
    const rule = findRule(rules, 'error-rate');
    const { summaries } = runRule(rule, [[0, { value: 50, count: 2 }]]);
    expect(summaries).toEqual(['0 firing critical']);
  });

  it('fires below a threshold only if the upper bound is below it', () => {
    const { rules } = loadTestRules(`rules:
  - name: satisfied
    measure: { type: API_RESPONSE_TIME, aggregate: apdex, slowerThan: 500ms, groupBy: [service] }
    direction: below
    thresholds: { warning: 0.8 }`);
    const rule = rules.find(({ name }) => name === 'satisfied')!;
    expect(runRule(rule, [[0, { value: 0.5, count: 4 }]]).summaries).toEqual([]);
    expect(runRule(rule, [[0, { value: 0.5, count: 100 }]]).summaries).toEqual([
      '0 firing warning',
    ]);
  });
});

describe('a mean', () => {
  it('requires that it is beyond the threshold without its largest value', () => {
    const sum = 60_000 + 19 * 10;
    const bounds = { lower: 10, upper: 60_000 };
    expect(getSeverity('response-time', { value: sum / 20, count: 20, bounds })).toBeUndefined();
    const slow = { value: 6000, count: 20, bounds: { lower: 5900, upper: 6100 } };
    expect(getSeverity('response-time', slow)).toBe('critical');
  });

  it('of fewer than five requests is not enough evidence', () => {
    const bounds = { lower: 6000, upper: 6000 };
    expect(getSeverity('response-time', { value: 6000, count: 3, bounds })).toBeUndefined();
    expect(getSeverity('response-time', { value: 6000, count: 5, bounds })).toBe('critical');
  });
});

describe('a host value', () => {
  it.each([
    ['cpu', 48],
    ['memory', 120],
    ['disk', 120],
  ])('of %s requires %d s of data', (name, seconds) => {
    const ms = 1000 * seconds;
    expect(getSeverity(name, { value: 100, coveredMs: 9000 })).toBeUndefined();
    expect(getSeverity(name, { value: 100, coveredMs: ms - 1000 })).toBeUndefined();
    expect(getSeverity(name, { value: 100, coveredMs: ms })).toBe('critical');
  });

  it.each([
    ['cpu', 4],
    ['memory', 5],
    ['disk', 5],
  ])('of %s must be high for %d min', (name, minutes) => {
    const rule = findRule(SET, name);
    const high = (until: number) =>
      Array.from({ length: 17 }, (_, i): TimedObservation => {
        const seconds = 30 * i;
        return [seconds, { labels: {}, value: seconds < until ? 97 : 10, coveredMs: 120_000 }];
      });
    const isFiring = (until: number) =>
      runRule(rule, high(until)).summaries.some((each) => each.includes('firing'));
    expect(isFiring(60 * minutes)).toBe(false);
    expect(isFiring(60 * minutes + 30)).toBe(true);
  });
});

describe('the uptime', () => {
  it('requires data for half of the window', () => {
    const HOUR = 3_600_000;
    const set = loadTestRules(`rules:
  - name: up
    measure: { aggregate: uptime, groupBy: [service], window: 1d }
    direction: below
    thresholds: { warning: 99.9 }`);
    const { evidence } = findRule(set, 'up');
    expect(evidence.minimumCoverageMs).toBe(12 * HOUR);
  });
});

describe('missing data', () => {
  const rule = findRule(SET, 'no-data');
  const labels = { service: 'booking' };
  const ended: Observation = { labels, value: undefined, count: 0, newestMs: 0, hasEnded: true };

  /** Sends data until `untilSeconds`, and evaluates the rule until ten minutes later. */
  function run(untilSeconds: number, endedFromSeconds = Number.POSITIVE_INFINITY) {
    let states: RuleStates = new Map();
    const summaries: string[] = [];
    for (let seconds = 0; seconds <= untilSeconds + 600; seconds += 30) {
      const now = T0 + seconds * 1000;
      const newestMs = T0 + Math.min(seconds, untilSeconds) * 1000;
      const isInWindow = now - newestMs < 120_000;
      const observations = [
        ...(isInWindow ? [{ labels, value: 10, count: 10, newestMs }] : []),
        ...(seconds >= endedFromSeconds ? [ended] : []),
      ];
      const step = evaluateRule(states, observations, rule, now);
      states = step.states;
      summaries.push(
        ...step.transitions.map(({ state, cause }) => `${seconds} ${state}: ${cause}`),
      );
    }
    return { summaries, states };
  }

  it('is an alert if a service vanished', () => {
    expect(run(300).summaries).toEqual(['600 firing: no data for 5 min']);
  });

  it('is not an alert for a script that ran for less than five minutes', () => {
    expect(run(240).summaries).toEqual([]);
  });

  it('is not an alert if the service ended normally', () => {
    const { summaries, states } = run(3600, 3600);
    expect(summaries).toEqual([]);
    expect(states.size).toBe(0);
  });

  it('ends when the row about the normal end arrives late', () => {
    expect(run(300, 660).summaries).toEqual([
      '600 firing: no data for 5 min',
      '660 resolved: the service ended normally',
    ]);
  });

  it('is an alert after a restart of the server, unless the service ran only briefly', () => {
    const reported = (firstSeenMs: number) =>
      addReportedGroups(
        rebuildStates([], T0).states.get('no-data') ?? new Map(),
        [{ labels, firstSeenMs, lastSeenMs: T0 - 600_000 }],
        T0 + 120_000,
      );
    const evaluate = (states: RuleStates) =>
      runRule(
        rule,
        [0, 60, 120, 180, 240, 300].map((seconds) => [seconds]),
        states,
      ).summaries;
    // Services have five minutes to send the rows of their spools.
    expect(evaluate(reported(T0 - 1_200_000))).toEqual(['300 firing high']);
    expect(evaluate(reported(T0 - 660_000))).toEqual([]);
  });
});
