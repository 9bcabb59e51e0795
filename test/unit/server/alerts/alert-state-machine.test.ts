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
  ['a value at the threshold is no breach', PLAIN, [[0, 2000]], []],
  ['a value beyond it fires at once without `for`', PLAIN, [[0, 2001]], ['0 firing warning']],
  ['the worst level that is breached counts', PLAIN, [[0, 9000]], ['0 firing critical']],
  [
    'an alert that goes on is told once',
    PLAIN,
    [
      [0, 2001],
      [30, 2400],
      [60, 2001],
    ],
    ['0 firing warning'],
  ],
  [
    'it resolves when the value is back',
    PLAIN,
    [
      [0, 2001],
      [30, 2000],
    ],
    ['0 firing warning', '30 resolved warning'],
  ],
  [
    'severity goes up and down without a new alert',
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
    'with `for` it is pending first, and fires when the breach has lasted',
    FOR,
    [
      [0, 2001],
      [30, 2001],
      [60, 2001],
    ],
    ['0 pending warning', '60 firing warning'],
  ],
  [
    'a breach shorter than `for` ends without having fired',
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
    'a worse level has to last too before it counts',
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
    '`keepFiringFor` holds an alert over a dip',
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
    '`keepFiringFor` holds a severity over a dip as well',
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
    'between recovery and threshold an alert goes on',
    RECOVERY,
    [
      [0, 2001],
      [30, 1501],
      [60, 1500],
    ],
    ['0 firing warning', '60 resolved warning'],
  ],
  ['between recovery and threshold none begins', RECOVERY, [[0, 1900]], []],
  [
    'a rule of `below` fires under its thresholds, and recovers above',
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
    'fewer measurements than `minimumCount` are no breach',
    `${PLAIN}\nminimumCount: 20`,
    [
      [0, { value: 9000, count: 19 }],
      [30, { value: 9000, count: 20 }],
    ],
    ['30 firing critical'],
  ],
  [
    'an alert ends when too little is left to judge by',
    `${PLAIN}\nminimumCount: 20`,
    [
      [0, { value: 9000, count: 20 }],
      [30, { value: 9000, count: 3 }],
    ],
    ['0 firing critical', '30 resolved critical'],
  ],
  [
    'a queue that never drains is beyond every threshold',
    PLAIN,
    [[0, Infinity]],
    ['0 firing critical'],
  ],
  ['NaN is no value', PLAIN, [[0, Number.NaN]], []],
  [
    'data that are missing for less than `noDataAfter` change nothing',
    PLAIN,
    [[0, 2001], [60], [120], [180], [240, 2001]],
    ['0 firing warning'],
  ],
  [
    'without data an alert ends under `noData: ok`',
    `${PLAIN}\nnoDataAfter: 1m`,
    [[0, 2001], [30], [60], [90], [120]],
    ['0 firing warning', '90 resolved warning'],
  ],
  [
    'without data an alert stays under `noData: keep`',
    `${PLAIN}\nnoDataAfter: 1m\nnoData: keep`,
    [[0, 2001], [60], [120], [180], [240], [300], [330, 1]],
    ['0 firing warning', '330 resolved warning'],
  ],
  [
    'a group that used to report and is silent is an alert under `noData: alert`',
    SILENT,
    [[0, 1], [30], [60], [90], [120], [150, 1]],
    ['90 firing high', '150 resolved high'],
  ],
  ['a group that never reported is none', SILENT, [[0], [60], [120]], []],
  [
    'an alert without data does not become milder, and ends only by data',
    `${PLAIN}\n${SILENT}`,
    [[0, 9000], [30], [60], [90], [120], [150, 1]],
    ['0 firing critical', '150 resolved critical'],
  ],
  [
    'a window that slides over old data does not resolve',
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
    'nor does it fire',
    PLAIN,
    [
      [0, 1],
      [30, late(9000, 0, 50)],
      [60, late(9000, 0, 10)],
    ],
    [],
  ],
  [
    'looking again at the same data does not use up `for`',
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
    'data that are five minutes late all the time fire as punctual ones do, later',
    FOR,
    [
      [300, late(2001, 0)],
      [330, late(2001, 30)],
      [360, late(2001, 60)],
    ],
    ['300 pending warning', '360 firing warning'],
  ],
  [
    'rows of a slower instance count although they are not the newest',
    PLAIN,
    [
      [0, { value: 1, count: 10, newestMs: T0 }],
      [30, { value: 2001, count: 20, newestMs: T0 - 5000 }],
    ],
    ['30 firing warning'],
  ],
  [
    'a breach before and after a gap longer than the window has not lasted through it',
    `${FOR}\nnoData: keep`,
    [[0, 2001], [60], [120], [180], [240], [300], [360], [420], [480, 2001], [540, 2001]],
    ['0 pending warning', '540 firing warning'],
  ],
  [
    'timestamps from the future count as now',
    FOR,
    [
      [0, late(2001, 3600)],
      [30, late(2001, 3600, 101)],
      [60, late(2001, 3600, 102)],
    ],
    ['0 pending warning', '60 firing warning'],
  ],
  [
    'a clock that jumps ahead does not end `for`',
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
    'nor does the emptiness that it leaves resolve',
    `${PLAIN}\nnoDataAfter: 1m`,
    [[0, 2001], [3600], [3630], [3660, 2001]],
    ['0 firing warning'],
  ],
  [
    'a clock that is set back keeps what had lasted',
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
    'and does not stop the evaluation',
    PLAIN,
    [
      [3600, 1],
      [0, 9000],
      [30, 9000],
    ],
    ['30 firing critical'],
  ],
  [
    'an evaluator that is always too slow still fires',
    PLAIN,
    [
      [0, 1],
      [600, 9000],
      [1200, 9000],
    ],
    ['1200 firing critical'],
  ],
];

it.each(CASES)('%s', (_sentence, more, moments, told) => {
  const step = runRule(makeRule(more), moments);
  expect(step.summaries).toEqual(told);
});

it('an alert keeps its id, counts its transitions, and the next one has another id', () => {
  const { transitions } = runRule(makeRule(PLAIN), [
    [0, 2001],
    [30, 9000],
    [60, 1],
    [90, 2001],
  ]);
  const [fired, raised, resolved, again] = transitions;
  expect(transitions.map(({ seq }) => seq)).toEqual([1, 2, 3, 1]);
  expect(new Set([fired?.id, raised?.id, resolved?.id]).size).toBe(1);
  expect(again?.id).not.toBe(fired?.id);
});

it('two alerts that rest on data of the same moment have ids of their own', () => {
  const { transitions } = runRule(makeRule(PLAIN), [
    [0, late(9000, 0, 10)],
    [30, late(1, 0, 20)],
    [60, late(9000, 0, 30)],
  ]);
  expect(transitions.map(({ state }) => state)).toEqual(['firing', 'resolved', 'firing']);
  expect(transitions[2]?.id).not.toBe(transitions[0]?.id);
});

it('a transition is a row: who and what, value and threshold, labels and tenant', () => {
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

it('says what no data are, in the place of a value', () => {
  const { transitions } = runRule(makeRule(SILENT), [[0, 1], [60], [120]]);
  expect(transitions[0]).toMatchObject({ value: undefined, cause: 'no data for 1 min' });
});

it('forgets a silent group after a day, and ends its alert', () => {
  const hours = Array.from({ length: 25 * 60 }, (_, i): TimedObservation => [(i + 1) * 60]);
  const { summaries: told, states, transitions } = runRule(makeRule(SILENT), [[0, 1], ...hours]);
  expect(told).toEqual(['120 firing high', '86460 resolved high']);
  expect(transitions.at(-1)?.cause).toBe('forgotten after a day without data');
  expect(states.size).toBe(0);
});

it('keeps no group that says nothing and has nothing', () => {
  expect(runRule(makeRule(PLAIN), [[0, 1]]).states.size).toBe(1);
  expect(
    runRule(makeRule(PLAIN), [[0, 1], [60], [120], [180], [240], [300], [360]]).states.size,
  ).toBe(0);
});

it('a clock that was set back does not put a transition before the last one', () => {
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

it('an acknowledged alert stays so while it goes on or becomes milder, and calls again when worse', () => {
  const rule = makeRule(PLAIN);
  const fired = runRule(rule, [[0, 3500]]);
  const by = { author: 'ana', comment: 'on it' };
  const taken = acknowledge(getOnlyState(fired.states), by, T0 + 10_000);
  expect(taken?.transitions[0]).toMatchObject({
    state: 'acknowledged',
    seq: 2,
    severity: 'high',
    ...by,
  });
  const states = new Map([...fired.states.keys()].map((key) => [key, taken!.state]));
  const on = runRule(
    rule,
    [
      [30, 3500],
      [60, 2001],
      [90, 9000],
      [120, 1],
    ],
    states,
  );
  expect(on.summaries).toEqual([
    '60 acknowledged warning',
    '90 firing critical',
    '120 resolved critical',
  ]);
  expect(on.transitions.map(({ author }) => author)).toEqual(['ana', undefined, undefined]);
});

it('neither a pending alert nor none can be acknowledged', () => {
  const by = { author: 'ana', comment: '' };
  expect(
    acknowledge(getOnlyState(runRule(makeRule(FOR), [[0, 2001]]).states), by, T0),
  ).toBeUndefined();
  expect(
    acknowledge(getOnlyState(runRule(makeRule(PLAIN), [[0, 1]]).states), by, T0),
  ).toBeUndefined();
});

it('a rule that is removed ends its alerts', () => {
  const { states } = runRule(makeRule(PLAIN), [[0, 2001]]);
  expect(resolveAllAlerts(states, T0 + 1000)).toMatchObject([
    { state: 'resolved', seq: 2, cause: 'the rule was removed' },
  ]);
});

it('changed thresholds apply to alerts that go on', () => {
  const { states } = runRule(makeRule(PLAIN), [[0, 4000]]);
  const milder = makeRule('thresholds: { warning: 2000, critical: 5000 }');
  expect(runRule(milder, [[30, 4000]], states).summaries).toEqual(['30 firing warning']);
  const wider = makeRule('thresholds: { critical: 5000 }');
  expect(runRule(wider, [[30, 4000]], states).summaries).toEqual(['30 resolved high']);
});

it('of Perfscope itself a breach lasts on when looks come a little late', () => {
  const rule = findRule(loadTestRules(''), 'questdb-lagging');
  const { summaries: told } = runRule(rule, [
    [0, 40_000],
    [30.05, 40_000],
    [60.1, 40_000],
  ]);
  expect(told).toEqual(['0 pending warning', '60.1 firing warning']);
});
