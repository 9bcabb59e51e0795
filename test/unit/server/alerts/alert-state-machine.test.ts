import { expect, it } from 'vitest';
import { acknowledge } from '../../../../src/server/alerts/evaluation/alert-state-machine.ts';
import {
  evaluateRule,
  resolveAllAlerts,
} from '../../../../src/server/alerts/evaluation/evaluate-alert-rule.ts';
import {
  findRule,
  getOnlyState,
  loadTestRules,
  makeRule,
  runRule,
  T0,
  type TimedObservation,
} from '../../../support/alert-rule-fixtures.ts';

const PLAIN = 'thresholds: { warning: 2000, high: 3000, critical: 5000 }';
const FOR = `${PLAIN}\nfor: 1m`;
const KEEP = `${PLAIN}\nkeepFiringFor: 1m`;
const RECOVERY = 'thresholds: { warning: 2000, critical: 5000 }\nrecovery: 1500';
const SILENT = 'noData: alert\nnoDataAfter: 1m\nnoDataSeverity: high';
const late = (value: number, newestSeconds: number, count = 100) => ({
  value,
  count,
  newestMs: T0 + newestSeconds * 1000,
});

const CASES: readonly (readonly [
  string,
  string,
  readonly TimedObservation[],
  readonly string[],
])[] = [
  ['does not fire at the threshold', PLAIN, [[0, 2000]], []],
  [
    'fires immediately beyond the threshold without `for`',
    PLAIN,
    [[0, 2001]],
    ['0 firing warning'],
  ],
  ['uses the highest breached level', PLAIN, [[0, 9000]], ['0 firing critical']],
  [
    'fires only once while the breach continues',
    PLAIN,
    [
      [0, 2001],
      [30, 2400],
      [60, 2001],
    ],
    ['0 firing warning'],
  ],
  [
    'resolves when the value recovers',
    PLAIN,
    [
      [0, 2001],
      [30, 2000],
    ],
    ['0 firing warning', '30 resolved warning'],
  ],
  [
    'changes the severity without creating a new alert',
    PLAIN,
    [
      [0, 2001],
      [30, 6000],
      [60, 3500],
      [90, 1],
    ],
    ['0 firing warning', '30 firing critical', '60 firing high', '90 resolved high'],
  ],
  [
    'is pending until the breach has lasted for `for`',
    FOR,
    [
      [0, 2001],
      [30, 2001],
      [60, 2001],
    ],
    ['0 pending warning', '60 firing warning'],
  ],
  [
    'resolves without firing if the breach is shorter than `for`',
    FOR,
    [
      [0, 2001],
      [30, 1],
      [60, 2001],
      [90, 2001],
    ],
    ['0 pending warning', '30 resolved warning', '60 pending warning'],
  ],
  [
    'applies `for` to each level',
    FOR,
    [
      [0, 2001],
      [30, 9000],
      [60, 9000],
      [90, 9000],
    ],
    ['0 pending warning', '30 pending critical', '60 firing warning', '90 firing critical'],
  ],
  [
    'keeps firing during a dip that is shorter than `keepFiringFor`',
    KEEP,
    [
      [0, 2001],
      [30, 1],
      [60, 2001],
      [90, 1],
      [120, 1],
      [150, 1],
    ],
    ['0 firing warning', '150 resolved warning'],
  ],
  [
    'keeps the severity during a dip that is shorter than `keepFiringFor`',
    KEEP,
    [
      [0, 9000],
      [30, 2001],
      [60, 9000],
      [90, 2001],
      [120, 2001],
      [150, 2001],
    ],
    ['0 firing critical', '150 firing warning'],
  ],
  [
    'keeps firing while the value is between the recovery value and the threshold',
    RECOVERY,
    [
      [0, 2001],
      [30, 1501],
      [60, 1500],
    ],
    ['0 firing warning', '60 resolved warning'],
  ],
  [
    'does not start firing while the value is between the recovery value and the threshold',
    RECOVERY,
    [[0, 1900]],
    [],
  ],
  [
    'fires below the thresholds with the direction `below`',
    'direction: below\nthresholds: { warning: 99.9, critical: 99 }\nrecovery: 99.95',
    [
      [0, 99.9],
      [30, 99.89],
      [60, 98],
      [90, 99.92],
      [120, 99.95],
    ],
    ['30 firing warning', '60 firing critical', '90 firing warning', '120 resolved warning'],
  ],
  [
    'does not fire with fewer measurements than `minimumCount`',
    `${PLAIN}\nminimumCount: 20`,
    [
      [0, { value: 9000, count: 19 }],
      [30, { value: 9000, count: 20 }],
    ],
    ['30 firing critical'],
  ],
  [
    'resolves when the count falls below `minimumCount`',
    `${PLAIN}\nminimumCount: 20`,
    [
      [0, { value: 9000, count: 20 }],
      [30, { value: 9000, count: 3 }],
    ],
    ['0 firing critical', '30 resolved critical'],
  ],
  ['treats infinity as a breach of every threshold', PLAIN, [[0, Infinity]], ['0 firing critical']],
  ['ignores NaN', PLAIN, [[0, Number.NaN]], []],
  [
    'does not change while data is missing for less than `noDataAfter`',
    PLAIN,
    [[0, 2001], [60], [120], [180], [240, 2001]],
    ['0 firing warning'],
  ],
  [
    'resolves when data is missing, with `noData: ok`',
    `${PLAIN}\nnoDataAfter: 1m`,
    [[0, 2001], [30], [60], [90], [120]],
    ['0 firing warning', '90 resolved warning'],
  ],
  [
    'keeps firing when data is missing, with `noData: keep`',
    `${PLAIN}\nnoDataAfter: 1m\nnoData: keep`,
    [[0, 2001], [60], [120], [180], [240], [300], [330, 1]],
    ['0 firing warning', '330 resolved warning'],
  ],
  [
    'fires with `noData: alert` when a group stops sending data',
    SILENT,
    [[0, 1], [30], [60], [90], [120], [150, 1]],
    ['90 firing high', '150 resolved high'],
  ],
  ['does not fire for a group that never sent data', SILENT, [[0], [60], [120]], []],
  [
    'keeps the severity while data is missing, and resolves only when data returns',
    `${PLAIN}\n${SILENT}`,
    [[0, 9000], [30], [60], [90], [120], [150, 1]],
    ['0 firing critical', '150 resolved critical'],
  ],
  [
    'does not resolve when bad rows leave the window and no new rows arrive',
    PLAIN,
    [
      [0, 2001],
      [30, late(1, 0, 90)],
      [60, late(1, 0, 10)],
      [90, late(1, 80)],
    ],
    ['0 firing warning', '90 resolved warning'],
  ],
  [
    'does not fire when good rows leave the window and no new rows arrive',
    PLAIN,
    [
      [0, 1],
      [30, late(9000, 0, 50)],
      [60, late(9000, 0, 10)],
    ],
    [],
  ],
  [
    'does not count repeated evaluations of the same data toward `for`',
    FOR,
    [
      [0, 2001],
      [30, late(2001, 0)],
      [60, late(2001, 0)],
      [90, late(2001, 0)],
      [120, late(2001, 60)],
    ],
    ['0 pending warning', '120 firing warning'],
  ],
  [
    'fires for data that is always five minutes late',
    FOR,
    [
      [300, late(2001, 0)],
      [330, late(2001, 30)],
      [360, late(2001, 60)],
    ],
    ['300 pending warning', '360 firing warning'],
  ],
  [
    'evaluates rows from a slower instance, even if they are not the newest rows',
    PLAIN,
    [
      [0, { value: 1, count: 10, newestMs: T0 }],
      [30, { value: 2001, count: 20, newestMs: T0 - 5000 }],
    ],
    ['30 firing warning'],
  ],
  [
    'does not count a gap longer than the window toward `for`',
    `${FOR}\nnoData: keep`,
    [[0, 2001], [60], [120], [180], [240], [300], [360], [420], [480, 2001], [540, 2001]],
    ['0 pending warning', '540 firing warning'],
  ],
  [
    'treats future timestamps as now',
    FOR,
    [
      [0, late(2001, 3600)],
      [30, late(2001, 3600, 101)],
      [60, late(2001, 3600, 102)],
    ],
    ['0 pending warning', '60 firing warning'],
  ],
  [
    'does not count a forward clock jump toward `for`',
    FOR,
    [
      [0, 2001],
      [3600, 2001],
      [3630, 2001],
      [3660, 2001],
    ],
    ['0 pending warning', '3660 firing warning'],
  ],
  [
    'does not resolve because of the gap after a forward clock jump',
    `${PLAIN}\nnoDataAfter: 1m`,
    [[0, 2001], [3600], [3630], [3660, 2001]],
    ['0 firing warning'],
  ],
  [
    'keeps the breach duration when the clock is set back',
    FOR,
    [
      [3600, 2001],
      [3630, 2001],
      [0, 2001],
      [30, 2001],
    ],
    ['3600 pending warning', '30 firing warning'],
  ],
  [
    'continues evaluating after the clock is set back',
    PLAIN,
    [
      [3600, 1],
      [0, 9000],
      [30, 9000],
    ],
    ['30 firing critical'],
  ],
  [
    'fires even if the evaluator is always too slow',
    PLAIN,
    [
      [0, 1],
      [600, 9000],
      [1200, 9000],
    ],
    ['1200 firing critical'],
  ],
];

it.each(CASES)('%s', (_case, more, observations, summaries) => {
  expect(runRule(makeRule(more), observations).summaries).toEqual(summaries);
});

it('keeps the ID of an alert and gives the next alert a new ID', () => {
  const { transitions } = runRule(makeRule(PLAIN), [
    [0, 2001],
    [30, 9000],
    [60, 1],
    [90, 2001],
  ]);
  const [fired, escalated, resolved, again] = transitions;
  expect(transitions.map(({ seq }) => seq)).toEqual([1, 2, 3, 1]);
  expect(new Set([fired?.id, escalated?.id, resolved?.id]).size).toBe(1);
  expect(again?.id).not.toBe(fired?.id);
});

it('gives two alerts with the same data time different IDs', () => {
  const { transitions } = runRule(makeRule(PLAIN), [
    [0, late(9000, 0, 10)],
    [30, late(1, 0, 20)],
    [60, late(9000, 0, 30)],
  ]);
  expect(transitions.map(({ state }) => state)).toEqual(['firing', 'resolved', 'firing']);
  expect(transitions[2]?.id).not.toBe(transitions[0]?.id);
});

it('creates transitions with the value, threshold, labels, and tenant', () => {
  const labels = { organization: 'org-1', property: 'p-1', service: 'booking' };
  const now = T0 + 1000;
  const observation = { labels, value: 2500, count: 9, newestMs: T0 };
  const { transitions } = evaluateRule(new Map(), [observation], makeRule(PLAIN), now);
  expect(transitions[0]).toMatchObject({
    rule: 'r',
    state: 'firing',
    severity: 'warning',
    value: 2500,
    threshold: 2000,
    seq: 1,
    labels: '{"organization":"org-1","property":"p-1","service":"booking"}',
    service: 'booking',
    organizationId: 'org-1',
    propertyId: 'p-1',
    timestamp: now,
    startedAt: T0,
    firedAt: now,
  });
});

it('sets a cause instead of a value for missing data', () => {
  const { transitions } = runRule(makeRule(SILENT), [[0, 1], [60], [120]]);
  expect(transitions[0]).toMatchObject({ value: undefined, cause: 'no data for 6 min' });
});

it('resolves the alert of a missing group after a day and removes the group', () => {
  const hours = Array.from({ length: 25 * 60 }, (_, i): TimedObservation => [(i + 1) * 60]);
  const { summaries, states, transitions } = runRule(makeRule(SILENT), [[0, 1], ...hours]);
  expect(summaries).toEqual(['120 firing high', '86460 resolved high']);
  expect(transitions.at(-1)?.cause).toBe('no data for one day');
  expect(states.size).toBe(0);
});

it('removes a missing group without an alert', () => {
  expect(runRule(makeRule(PLAIN), [[0, 1]]).states.size).toBe(1);
  expect(
    runRule(makeRule(PLAIN), [[0, 1], [60], [120], [180], [240], [300], [360]]).states.size,
  ).toBe(0);
});

it('never writes a transition with an earlier time than the previous transition', () => {
  const { transitions } = runRule(makeRule(PLAIN), [
    [3600, 2001],
    [0, 1],
    [30, 1],
  ]);
  expect(transitions.map((t) => [t.seq, t.timestamp - T0])).toEqual([
    [1, 3_600_000],
    [2, 3_600_000],
  ]);
});

it('stays acknowledged until the severity rises', () => {
  const rule = makeRule(PLAIN);
  const fired = runRule(rule, [[0, 3500]]);
  const by = { author: 'ana', comment: 'on it' };
  const acknowledged = acknowledge(getOnlyState(fired.states), by, T0 + 10_000);
  expect(acknowledged?.transitions[0]).toMatchObject({
    state: 'acknowledged',
    seq: 2,
    severity: 'high',
    ...by,
  });
  const states = new Map([...fired.states.keys()].map((key) => [key, acknowledged!.state]));
  const next = runRule(
    rule,
    [
      [30, 3500],
      [60, 2001],
      [90, 9000],
      [120, 1],
    ],
    states,
  );
  expect(next.summaries).toEqual([
    '60 acknowledged warning',
    '90 firing critical',
    '120 resolved critical',
  ]);
  expect(next.transitions.map(({ author }) => author)).toEqual(['ana', undefined, undefined]);
});

it('acknowledges only firing alerts', () => {
  const by = { author: 'ana', comment: '' };
  expect(
    acknowledge(getOnlyState(runRule(makeRule(FOR), [[0, 2001]]).states), by, T0),
  ).toBeUndefined();
  expect(
    acknowledge(getOnlyState(runRule(makeRule(PLAIN), [[0, 1]]).states), by, T0),
  ).toBeUndefined();
});

it('resolves the alerts of a removed rule', () => {
  const { states } = runRule(makeRule(PLAIN), [[0, 2001]]);
  expect(resolveAllAlerts(states, T0 + 1000)).toMatchObject([
    { state: 'resolved', seq: 2, cause: 'the rule was removed' },
  ]);
});

it('applies changed thresholds to live alerts', () => {
  const { states } = runRule(makeRule(PLAIN), [[0, 4000]]);
  const withoutHigh = makeRule('thresholds: { warning: 2000, critical: 5000 }');
  expect(runRule(withoutHigh, [[30, 4000]], states).summaries).toEqual(['30 firing warning']);
  const criticalOnly = makeRule('thresholds: { critical: 5000 }');
  expect(runRule(criticalOnly, [[30, 4000]], states).summaries).toEqual(['30 resolved high']);
});

it('continues a breach of an internal metric if evaluations are slightly late', () => {
  const rule = findRule(loadTestRules(''), 'questdb-lagging');
  const { summaries } = runRule(rule, [
    [0, 40_000],
    [30.05, 40_000],
    [60.1, 40_000],
  ]);
  expect(summaries).toEqual(['0 pending warning', '60.1 firing warning']);
});
