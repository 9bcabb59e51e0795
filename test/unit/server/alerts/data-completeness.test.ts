import { describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import {
  firesOnMissingRows,
  isDataComplete,
} from '../../../../src/server/alerts/evaluation/data-completeness.ts';
import { evaluateRule } from '../../../../src/server/alerts/evaluation/evaluate-alert-rule.ts';
import { findRule, loadTestRules, makeRule, T0 } from '../../../support/alert-rule-fixtures.ts';

const SILENT = makeRule('noData: alert\nnoDataAfter: 1m\nnoDataSeverity: high');
const makeMeasureRule = (measure: string, more = 'thresholds: { warning: 1 }') =>
  findRule(loadTestRules(`rules:\n  - name: x\n    measure: { ${measure} }\n    ${more}`), 'x');
const COUNT = 'aggregate: count, groupBy: [service]';

describe('isDataComplete', () => {
  it.each([
    { window: '10s', graceMinutes: 1 },
    { window: '3m', graceMinutes: 3 },
    { window: '1d', graceMinutes: 5 },
  ])(
    'waits $graceMinutes min after a problem if the window is $window',
    ({ window, graceMinutes }) => {
      const rule = makeMeasureRule(`${COUNT}, window: ${window}`);
      const isCompleteAfter = (ms: number) => isDataComplete({ lastDegradedMs: T0 }, rule, T0 + ms);
      expect(isCompleteAfter(0)).toBe(false);
      expect(isCompleteAfter(graceMinutes * MINUTE_MS - 1)).toBe(false);
      expect(isCompleteAfter(graceMinutes * MINUTE_MS)).toBe(true);
    },
  );

  it('is true if the storage never had a problem, or if the clock was set back', () => {
    expect(isDataComplete({ lastDegradedMs: undefined }, SILENT, T0)).toBe(true);
    expect(isDataComplete({ lastDegradedMs: T0 }, SILENT, T0 - 1)).toBe(true);
  });
});

describe('firesOnMissingRows', () => {
  const below = 'direction: below\n    thresholds: { warning: 1 }';
  it.each(['count', 'rate', 'uptime'])('is true for a low %s', (aggregate) => {
    const measure = `aggregate: ${aggregate}, groupBy: [service], window: 5m`;
    expect(firesOnMissingRows(makeMeasureRule(measure, below))).toBe(true);
    expect(firesOnMissingRows(makeMeasureRule(measure))).toBe(false);
  });

  it('is false for a low mean, because a mean needs rows', () => {
    const measure = 'type: API_RESPONSE_TIME, aggregate: mean, groupBy: [service], window: 5m';
    expect(firesOnMissingRows(makeMeasureRule(measure, below))).toBe(false);
  });
});

describe('evaluateRule with incomplete data', () => {
  /** Evaluates every 30 s without data, and returns the time and state of each transition. */
  function runWithoutData(isCompleteAt: (seconds: number) => boolean, seconds: number): string[] {
    const observation = { labels: { service: 'booking' }, value: 1, count: 9, newestMs: T0 };
    let { states } = evaluateRule(new Map(), [observation], SILENT, T0);
    const changes: string[] = [];
    for (let s = 30; s <= seconds; s += 30) {
      const result = evaluateRule(states, [], SILENT, T0 + s * 1000, isCompleteAt(s));
      states = result.states;
      changes.push(...result.transitions.map(({ state }) => `${s} ${state}`));
    }
    return changes;
  }

  it('raises no alert about missing data', () => {
    expect(runWithoutData(() => true, 600)).toEqual(['90 firing']);
    expect(runWithoutData(() => false, 600)).toEqual([]);
  });

  it('counts the time without data only after the data is complete again', () => {
    expect(runWithoutData((s) => s > 300, 600)).toEqual(['390 firing']);
    expect(runWithoutData((s) => s < 60 || s > 300, 600)).toEqual(['390 firing']);
  });

  it('keeps a firing alert', () => {
    expect(runWithoutData((s) => s < 120, 600)).toEqual(['90 firing']);
  });

  it('still fires for a value beyond the threshold', () => {
    const rule = makeRule('thresholds: { warning: 100 }');
    const observation = { labels: { service: 'booking' }, value: 200, count: 9, newestMs: T0 };
    const { transitions } = evaluateRule(new Map(), [observation], rule, T0, false);
    expect(transitions.map(({ state }) => state)).toEqual(['firing']);
  });
});
