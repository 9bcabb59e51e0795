import { describe, expect, it } from 'vitest';
import type { AlertSummary } from '../../../../src/core/alerts/alert.ts';
import {
  EMPTY_FLAP_HISTORY,
  evaluateSuppressions,
  type FlapHistory,
  pruneFlaps,
  recordFlap,
  toFlapKey,
} from '../../../../src/server/alerts/suppression/evaluate-suppressions.ts';
import { createInhibitor } from '../../../../src/server/alerts/suppression/inhibition.ts';
import {
  type AlertGroupState,
  toNotificationGroupKey,
  updateAlertGroup,
} from '../../../../src/server/alerts/suppression/notification-gate.ts';
import { DIMENSIONS } from '../../../../src/storage/queries/query-definition.ts';
import { loadTestRules, T0 } from '../../../support/alert-rule-fixtures.ts';

const SET = loadTestRules('');
const MINUTE = 60_000;

function alert(more: Partial<AlertSummary> = {}): AlertSummary {
  const { rule = 'response-time', severity = 'warning' } = more;
  return {
    id: `${rule} ${severity}`,
    rule,
    state: 'firing',
    severity,
    labels: { scope: 'service', service: 'booking', endpoint: '/rooms' },
    ...more,
  };
}

describe('inhibition', () => {
  const critical = alert({ severity: 'critical' });
  const warning = alert({ rule: 'response-time-spike' });
  const findInhibiting = (target: AlertSummary, ...others: AlertSummary[]) =>
    createInhibitor([target, ...others], SET.inhibit)(target)?.by;

  it('suppresses alerts about the same problem of the same object', () => {
    expect(findInhibiting(warning, critical)).toBe(critical.id);
    expect(findInhibiting(critical, warning)).toBeUndefined();
  });

  it('does not suppress alerts about other problems', () => {
    const onHost = (rule: string, severity: 'high' | 'critical') =>
      alert({ rule, severity, labels: { scope: 'host', host: 'web-2', instance: 'web-2' } });
    expect(findInhibiting(onHost('disk', 'high'), onHost('cpu', 'critical'))).toBeUndefined();
    expect(findInhibiting(onHost('memory', 'high'), onHost('cpu', 'critical'))).toBeUndefined();
    const errors = alert({ rule: 'error-rate', severity: 'critical' });
    for (const other of [alert(), warning, alert({ rule: 'burn-rate-slow' })]) {
      expect(findInhibiting(other, errors)).toBeUndefined();
    }
    const host = alert({
      rule: 'cpu',
      severity: 'critical',
      labels: { scope: 'host', service: 'booking' },
    });
    expect(findInhibiting(alert(), host)).toBeUndefined();
  });

  it('does not suppress alerts of the same rule about another object', () => {
    for (const dimension of DIMENSIONS) {
      const [one, other] = (['warning', 'critical'] as const).map((severity) =>
        alert({ severity, labels: { scope: 'service', [dimension]: severity } }),
      );
      expect(findInhibiting(one!, other!), dimension).toBeUndefined();
    }
  });

  it('leaves one alert for one slow statement', () => {
    const labels = { service: 'booking', organization: 'org-1' };
    const rules = ['database-time', 'slow-queries', 'response-time-spike'];
    const alerts = [
      ...rules.map((rule) => alert({ rule, labels: { ...labels, endpoint: '/rooms' } })),
      ...['target-database-time', 'target-response-time'].map((objective) =>
        alert({ rule: 'burn-rate-slow', id: objective, labels: { ...labels, objective } }),
      ),
    ];
    const find = createInhibitor(alerts, SET.inhibit);
    expect(alerts.filter((each) => !find(each)).map(({ rule }) => rule)).toEqual(['database-time']);
    const [, , spike, database, response] = alerts;
    expect(findInhibiting(spike!, database!)).toBe('target-database-time');
    expect(findInhibiting(response!, database!)).toBe('target-database-time');
  });

  it('leaves one alert for one error budget', () => {
    const labels = { scope: 'target', objective: 'target-error-rate', service: 'booking' };
    const burnRates = (
      [
        ['burn-rate-fast', 'critical'],
        ['burn-rate-medium', 'high'],
        ['burn-rate-slow', 'warning'],
      ] as const
    ).map(([rule, severity]) => alert({ rule, severity, labels }));
    const find = createInhibitor(burnRates, SET.inhibit);
    expect(burnRates.filter((each) => !find(each)).map(({ rule }) => rule)).toEqual([
      'burn-rate-fast',
    ]);
    expect(findInhibiting(burnRates[2]!, burnRates[1]!)).toBe(burnRates[1]!.id);
    const other = alert({ rule: 'burn-rate-slow', labels: { ...labels, service: 'other' } });
    expect(findInhibiting(other, burnRates[0]!)).toBeUndefined();
    // The error rate is the symptom, even if it is less severe.
    const errors = alert({ rule: 'error-rate', severity: 'medium' });
    expect(findInhibiting(burnRates[0]!, errors)).toBe(errors.id);
    const otherObjective = { ...labels, objective: 'target-response-time' };
    expect(
      findInhibiting(alert({ rule: 'burn-rate-fast', labels: otherObjective }), errors),
    ).toBeUndefined();
  });

  it('leaves one alert for one long queue', () => {
    const labels = { scope: 'queue', queue: 'emails' };
    const alerts = (['queue-depth', 'oldest-waiting-job', 'time-to-drain'] as const).map((rule) =>
      alert({ rule, severity: 'high', labels }),
    );
    const find = createInhibitor(alerts, SET.inhibit);
    expect(alerts.filter((each) => !find(each)).map(({ rule }) => rule)).toEqual(['queue-depth']);
    const other = alert({ rule: 'time-to-drain', labels: { ...labels, queue: 'invoices' } });
    expect(findInhibiting(other, alerts[0]!)).toBeUndefined();
  });

  it('never suppresses every alert of a group of alerts', () => {
    const names = SET.rules.map(({ name }) => name);
    for (const a of names) {
      for (const b of names) {
        const pair = [alert({ rule: a }), alert({ rule: b, id: 'other' })];
        const find = createInhibitor(pair, SET.inhibit);
        expect(
          pair.some((each) => !find(each)),
          `${a} ${b}`,
        ).toBe(true);
      }
    }
  });

  it('can be disabled by name, even if this version has no such inhibition', () => {
    const { inhibit } = loadTestRules('inhibit: [{ name: host-first, enabled: false }]');
    expect(inhibit.map(({ name }) => name)).toEqual(SET.inhibit.map(({ name }) => name));
  });

  it('does not suppress alerts about other objects', () => {
    const labels = { ...alert().labels, endpoint: '/other' };
    expect(findInhibiting({ ...warning, labels }, critical)).toBeUndefined();
    const other = { ...alert().labels, organization: 'org-1' };
    expect(findInhibiting({ ...warning, labels: other }, critical)).toBeUndefined();
  });

  it('ignores resolved and pending sources', () => {
    expect(findInhibiting(warning, { ...critical, state: 'resolved' })).toBeUndefined();
    expect(findInhibiting(warning, { ...critical, state: 'pending' })).toBeUndefined();
    expect(findInhibiting(warning, { ...critical, state: 'acknowledged' })).toBe(critical.id);
  });

  it('suppresses all other alerts of a service that stopped sending metrics', () => {
    const silent = alert({
      rule: 'no-data',
      severity: 'high',
      labels: { scope: 'service-away', service: 'booking' },
    });
    expect(findInhibiting(critical, silent)).toBe(silent.id);
  });

  it('never applies across organizations', () => {
    const { inhibit } = loadTestRules(`inhibit:
  - { name: all, source: ['severity="critical"'], target: ['severity="warning"'] }`);
    const createAlert = (organization: string, severity: 'warning' | 'critical') =>
      alert({ severity, labels: { organization } });
    const getReason = (source: AlertSummary) =>
      createInhibitor([source], inhibit)(createAlert('a', 'warning'))?.reason;
    expect(getReason(createAlert('a', 'critical'))).toBe('inhibited');
    expect(getReason(createAlert('b', 'critical'))).toBeUndefined();
  });

  it('does not apply if both alerts match both the source and the target', () => {
    const { inhibit } = loadTestRules(`inhibit:
  - { name: all, source: ['service="x"'], target: ['service="x"'], equal: [service] }`);
    const [a, b] = ['a', 'b'].map((rule) => alert({ rule, labels: { service: 'x' } }));
    expect(createInhibitor([a!, b!], inhibit)(a!)).toBeUndefined();
  });
});

describe('flapping', () => {
  const limits = { transitions: 4, windowMs: 30 * MINUTE };

  it('starts at the maximum number of changes and ends at half of that number', () => {
    let flaps: FlapHistory = EMPTY_FLAP_HISTORY;
    const wasFlapping: boolean[] = [];
    for (let i = 0; i < 4; i++) {
      flaps = recordFlap(flaps, T0 + i * MINUTE, limits);
      wasFlapping.push(flaps.isFlapping);
    }
    expect(wasFlapping).toEqual([false, false, false, true]);
    expect(pruneFlaps(flaps, T0 + 30 * MINUTE, limits).isFlapping).toBe(true);
    expect(pruneFlaps(flaps, T0 + 31 * MINUTE, limits).isFlapping).toBe(false);
  });

  it('ignores changes that are far apart', () => {
    let flaps: FlapHistory = EMPTY_FLAP_HISTORY;
    for (let i = 0; i < 20; i++) flaps = recordFlap(flaps, T0 + i * 11 * MINUTE, limits);
    expect(flaps).toMatchObject({ isFlapping: false });
    expect(flaps.timesMs.length).toBeLessThan(4);
  });
});

it('reports the suppression reason from every stage', () => {
  const critical = alert({ severity: 'critical' });
  const spike = alert({ rule: 'response-time-spike' });
  let flaps = EMPTY_FLAP_HISTORY;
  for (let i = 0; i < 6; i++) flaps = recordFlap(flaps, T0 + i * MINUTE, SET.flapping);
  const { maintenance } = loadTestRules(
    `maintenance: [{ name: m, matchers: ['severity="warning"'] }]`,
  );
  const context = {
    inhibit: SET.inhibit,
    silences: [],
    maintenance,
    flapping: SET.flapping,
    flaps: new Map([[toFlapKey(spike), flaps]]),
  };
  const results = evaluateSuppressions([spike, critical], context, T0 + 6 * MINUTE);
  expect(
    results.map(({ suppressions }) => suppressions.map(({ reason, by }) => [reason, by])),
  ).toEqual([
    [
      ['maintenance', 'm'],
      ['inhibited', critical.id],
      ['flapping', toFlapKey(spike)],
    ],
    [],
  ]);
  expect(results[0]?.suppressions[2]).toMatchObject({
    detail: '6 changes within 30 min',
    untilMs: T0 + 2 * MINUTE + 30 * MINUTE,
  });
});

describe('grouping', () => {
  const policy = {
    groupBy: ['service'],
    waitMs: 30_000,
    intervalMs: 5 * MINUTE,
    repeatMs: 60 * MINUTE,
  };
  /** Returns the sent alerts or the reasons for each time, in seconds from T0. */
  function runGroup(steps: readonly (readonly [number, readonly AlertSummary[]])[]): string[] {
    let group: AlertGroupState | undefined;
    return steps.map(([seconds, alerts]) => {
      const step = updateAlertGroup(group, alerts, 'k', policy, T0 + seconds * 1000);
      group = step.group;
      const reasons = [...step.suppressed.values()].map(({ reason }) => reason);
      return [...step.toNotify.map(({ id, state }) => `${id}:${state}`), ...reasons].join(' ');
    });
  }
  const a = alert({ id: 'a' });
  const b = alert({ id: 'b' });

  it('waits for more alerts in a new group and sends them together', () => {
    expect(
      runGroup([
        [0, [a]],
        [20, [a, b]],
        [30, [a, b]],
      ]),
    ).toEqual(['group_wait', 'group_wait group_wait', 'a:firing b:firing']);
  });

  it('sends unchanged alerts again after the repeat interval', () => {
    expect(
      runGroup([
        [0, [a]],
        [30, [a]],
        [600, [a]],
        [3630, [a]],
      ]),
    ).toEqual(['group_wait', 'a:firing', 'duplicate', 'a:firing']);
  });

  it('sends changes after the group interval', () => {
    const worse = { ...a, severity: 'high' as const };
    expect(
      runGroup([
        [0, [a]],
        [30, [a]],
        [60, [worse, b]],
        [330, [worse, b]],
      ]),
    ).toEqual(['group_wait', 'a:firing', 'group_interval group_interval', 'a:firing b:firing']);
  });

  it('sends a critical alert at once, and the rest of its group later', () => {
    const critical = { ...a, severity: 'critical' as const };
    expect(
      runGroup([
        [0, [critical]],
        [3, [critical, b]],
        [300, [critical, b]],
        [310, [critical, { ...b, severity: 'critical' }]],
      ]),
    ).toEqual(['a:firing', 'duplicate group_interval', 'a:firing b:firing', 'a:firing b:firing']);
  });

  it('sends resolved alerts once and then removes the group', () => {
    const resolved = { ...a, state: 'resolved' as const };
    expect(
      runGroup([
        [0, [a]],
        [30, [a]],
        [330, [resolved]],
        [360, [resolved]],
      ]),
    ).toEqual(['group_wait', 'a:firing', 'a:resolved', 'never_told']);
  });

  it('sends an alert that was resolved while it waited for the next message of its group', () => {
    const resolved = { ...b, state: 'resolved' as const };
    expect(
      runGroup([
        [0, [a]],
        [30, [a]],
        [60, [a, b]],
        [90, [a, resolved]],
        [330, [a, resolved]],
        [700, [a]],
      ]),
    ).toEqual([
      'group_wait',
      'a:firing',
      'duplicate group_interval',
      'duplicate group_interval',
      'a:firing b:resolved',
      'duplicate',
    ]);
  });

  it('does not send a resolved alert that was never sent as firing', () => {
    const resolved = { ...a, state: 'resolved' as const };
    expect(
      runGroup([
        [0, [a]],
        [20, [resolved]],
        [60, [resolved]],
      ]),
    ).toEqual(['group_wait', 'never_told', 'never_told']);
  });

  it('never groups alerts of different organizations', () => {
    const getKey = (organization?: string) =>
      toNotificationGroupKey(
        alert({ labels: { service: 'x', ...(organization && { organization }) } }),
        ['service'],
      );
    expect(new Set([getKey('a'), getKey('b'), getKey()]).size).toBe(3);
    expect(getKey('a')).toBe(getKey('a'));
  });
});
