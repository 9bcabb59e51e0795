import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../../../src/core/duration.ts';
import { toPreferredName } from '../../../../src/core/vocabulary.ts';
import { toAlert } from '../../../../src/server/alerts/evaluation/alert-transition.ts';
import {
  evaluateRule,
  type RuleStates,
} from '../../../../src/server/alerts/evaluation/evaluate-alert-rule.ts';
import {
  AGGREGATES,
  INTERNAL_METRICS,
} from '../../../../src/server/alerts/rules/rule-aggregates.ts';
import { findRule, loadTestRules, T0 } from '../../../support/alert-rule-fixtures.ts';

const SET = loadTestRules('');

/** The built-in thresholds: rule, highest good value, a bad value, and its severity. */
const THRESHOLDS: readonly (readonly [string, number, number, string])[] = [
  ['response-time', 2000, 2000.1, 'warning'],
  ['response-time', 5000, 5000.1, 'critical'],
  ['response-time-spike', 1.5, 1.51, 'warning'],
  ['error-rate', 5, 5.1, 'medium'],
  ['error-rate', 10, 10.1, 'high'],
  ['error-rate', 15, 15.1, 'critical'],
  ['outgoing-errors', 10, 10.1, 'medium'],
  ['outgoing-errors', 25, 25.1, 'high'],
  ['outgoing-errors', 50, 50.1, 'critical'],
  ['outgoing-time', 3000, 3000.1, 'warning'],
  ['outgoing-time', 10_000, 10_000.1, 'critical'],
  ['database-time', 500, 500.1, 'warning'],
  ['database-time', 2000, 2000.1, 'critical'],
  ['slow-queries', 20, 20.1, 'warning'],
  ['queue-depth', 50, 51, 'medium'],
  ['queue-depth', 100, 101, 'high'],
  ['queue-depth', 200, 201, 'critical'],
  ['job-failure-rate', 10, 10.1, 'medium'],
  ['job-failure-rate', 15, 15.1, 'high'],
  ['job-failure-rate', 25, 25.1, 'critical'],
  ['oldest-waiting-job', 300_000, 300_001, 'warning'],
  ['oldest-waiting-job', 900_000, 900_001, 'high'],
  ['oldest-waiting-job', 3_600_000, 3_600_001, 'critical'],
  ['time-to-drain', 900_000, 900_001, 'warning'],
  ['time-to-drain', 3_600_000, Number.POSITIVE_INFINITY, 'high'],
  ['cpu', 80, 80.1, 'high'],
  ['cpu', 95, 95.1, 'critical'],
  ['memory', 85, 85.1, 'high'],
  ['memory', 95, 95.1, 'critical'],
  ['disk', 90, 90.1, 'high'],
  ['disk', 98, 98.1, 'critical'],
  ['disk-full-soon', 3 * DAY_MS, 3 * DAY_MS - 1, 'warning'],
  ['disk-full-soon', DAY_MS, DAY_MS - 1, 'high'],
  ['disk-full-soon', 6 * HOUR_MS, 6 * HOUR_MS - 1, 'critical'],
  ['memory-growth', DAY_MS, DAY_MS - 1, 'warning'],
  ['memory-growth', 4 * HOUR_MS, 4 * HOUR_MS - 1, 'high'],
  ['pool-exhausted-soon', 6 * HOUR_MS, 6 * HOUR_MS - 1, 'warning'],
  ['pool-exhausted-soon', HOUR_MS, HOUR_MS - 1, 'high'],
  ['burn-rate-fast', 14.4, 14.41, 'critical'],
  ['burn-rate-medium', 6, 6.01, 'high'],
  ['burn-rate-slow', 1, 1.01, 'warning'],
  ['deploy-regression', 5, 6, 'warning'],
  ['deploy-regression', 25, 26, 'medium'],
  ['deploy-regression', 50, 51, 'high'],
  ['deploy-regression', 200, 201, 'critical'],
  ['deploy-errors', 0.2, 0.3, 'warning'],
  ['deploy-errors', 2, 2.1, 'medium'],
  ['deploy-errors', 5, 5.1, 'high'],
  ['deploy-errors', 15, 16, 'critical'],
  ['breaker-open', 1, 2, 'high'],
  ['failing-rule', 2, 3, 'high'],
  ['database-unavailable', 0, 1, 'critical'],
  ['questdb-suspended', 0, 1, 'critical'],
  ['rollup-invalid', 0, 1, 'high'],
  ['questdb-lagging', 30_000, 30_001, 'warning'],
  ['questdb-lagging', 300_000, 300_001, 'high'],
  ['spool-growing', 67_108_864, 67_108_865, 'warning'],
  ['spool-growing', 268_435_456, 268_435_457, 'high'],
  ['spool-lagging', 120_000, 120_001, 'warning'],
  ['spool-lagging', 900_000, 900_001, 'high'],
  ['dead-letters', 0, 1, 'warning'],
  ['rows-dropped', 0, 1, 'high'],
  ['late-evaluations', 0, 1, 'warning'],
  ['coverage-lost', 0, 1, 'warning'],
  ['request-rate-surge', 4, 4.1, 'warning'],
  ['crash-loop', 4, 5, 'high'],
];

/** Returns the severity of an alert for a value that lasts 10 minutes longer than needed. */
function getSeverity(name: string, value: number, count = 1_000_000): string | undefined {
  const rule = findRule(SET, name);
  let states: RuleStates = new Map();
  for (let now = T0; now <= T0 + 600_000 + rule.forMs; now += 30_000) {
    states = evaluateRule(states, [{ labels: {}, value, count, newestMs: now }], rule, now).states;
  }
  const [state] = states.values();
  return state?.alert?.state === 'firing' ? state.alert.severity : undefined;
}

describe('the built-in rules', () => {
  it.each(THRESHOLDS)(
    '%s: %d does not have the same severity as %d (%s)',
    (name, good, bad, severity) => {
      expect(getSeverity(name, bad)).toBe(severity);
      expect(getSeverity(name, good)).not.toBe(severity);
    },
  );

  it('have only the thresholds in the list of this test', () => {
    const listed = THRESHOLDS.map(([name, good, , severity]) => `${name} ${severity} ${good}`);
    const found = SET.rules.flatMap(({ name, levels }) =>
      levels.map(({ severity, threshold }) => `${name} ${severity} ${threshold}`),
    );
    expect(found.sort()).toEqual(listed.sort());
  });

  it('require more than three requests for a spike', () => {
    expect(getSeverity('response-time-spike', 50, 3)).toBeUndefined();
    expect(getSeverity('response-time-spike', 50, 20)).toBe('warning');
  });

  it('fire within 6 minutes if a service stops sending metrics', () => {
    const rule = findRule(SET, 'no-data');
    const labels = { service: 'a' };
    // The service has run for five minutes.
    const observation = { labels, value: 3, count: 3, newestMs: T0, coveredMs: 300_000 };
    let states = evaluateRule(new Map(), [observation], rule, T0).states;
    const fired: string[] = [];
    // The last row stays in the window for 2 minutes.
    for (let now = T0 + 30_000; now <= T0 + 600_000; now += 30_000) {
      const step = evaluateRule(states, now < T0 + 120_000 ? [observation] : [], rule, now);
      states = step.states;
      fired.push(...step.transitions.map((t) => `${(now - T0) / 1000} ${t.state} ${t.severity}`));
    }
    expect(fired).toEqual(['300 firing high']);
  });

  it('have a summary and a runbook section', () => {
    const sections = [...readFileSync('docs/alerts.md', 'utf8').matchAll(/^#+ (.+)$/gm)].map(
      ([, title = '']) => `#${title.toLowerCase().replaceAll(' ', '-')}`,
    );
    for (const rule of SET.rules) {
      expect(sections, rule.name).toContain(rule.runbook);
      const labels = JSON.stringify({ service: 'booking', instance: 'web-2', queue: 'emails' });
      const { annotations } = toAlert(
        {
          id: 'x',
          seq: 1,
          rule: rule.name,
          state: 'firing',
          severity: 'high',
          labels,
          value: 96,
          threshold: 95,
          timestamp: T0,
          startedAt: T0,
          firedAt: T0,
          cause: undefined,
          author: undefined,
          comment: undefined,
          service: undefined,
          organizationId: undefined,
          propertyId: undefined,
        },
        rule,
      );
      expect(annotations.summary, rule.name).toMatch(/\w{3}/);
    }
    expect(findRule(SET, 'cpu').runbook).toBe('#cpu');
  });

  it('cover all internal metrics', () => {
    const metrics = SET.rules.flatMap(({ source }) =>
      source.kind === 'internal' ? source.metric : [],
    );
    expect(metrics.sort()).toEqual(Object.keys(INTERNAL_METRICS).sort());
  });
});

it('documents every aggregate and every internal metric', () => {
  const text = readFileSync('docs/alerts.md', 'utf8');
  for (const [name, { about }] of Object.entries({ ...AGGREGATES, ...INTERNAL_METRICS })) {
    expect(text).toMatch(
      new RegExp(
        `^\\| \`${toPreferredName(name)}\` .*${about.slice(0, 20).replace(/[.*+?^$()[\]\\]/g, '\\$&')}`,
        'm',
      ),
    );
  }
});
