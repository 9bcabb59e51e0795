import { describe, expect, it } from 'vitest';
import type { ConfigProblem } from '../../../../../src/core/config-files/config-validation.ts';
import { DAY_MS } from '../../../../../src/core/duration.ts';
import { PerfscopeError } from '../../../../../src/core/perfscope-error.ts';
import { collectDeprecatedNames } from '../../../../../src/core/vocabulary.ts';
import { getObjectiveLimits } from '../../../../../src/server/alerts/objectives/objective.ts';
import { loadTestRules, SETTINGS } from '../../../../support/alert-rule-fixtures.ts';

function findObjective(text: string, name: string) {
  return loadTestRules(text).objectives.find((objective) => objective.name === name);
}

function listProblems(text: string, settings = SETTINGS): string[] {
  try {
    loadTestRules(text, settings);
  } catch (error) {
    if (!(error instanceof PerfscopeError)) throw error;
    const { problems } = error.params as { problems: readonly ConfigProblem[] };
    return problems.map(({ line, column, message }) => `${line}:${column} ${message}`);
  }
  return [];
}

const OWN = `objectives:
  - name: checkout
    kind: latency
    threshold: 500ms
    target: 99
`;

describe('the built-in objectives', () => {
  it("are the specification's five targets", () => {
    const { objectives } = loadTestRules('');
    expect(
      objectives.map(({ name, kind, type, thresholdMs, target, alerts }) =>
        [name, kind, type, thresholdMs, target, alerts].join(' '),
      ),
    ).toEqual([
      'target-response-time average API_RESPONSE_TIME 500 99 ticket',
      'target-error-rate availability API_RESPONSE_TIME  99 page',
      'target-queue-processing average QUEUE_PROCESSING_TIME 2000 99 ticket',
      'target-uptime uptime   99.9 page',
      'target-database-time average DATABASE_QUERY_TIME 100 99 ticket',
    ]);
    expect(objectives.every(({ periodMs }) => periodMs === 30 * DAY_MS)).toBe(true);
    expect(objectives.every(({ isTarget }) => isTarget)).toBe(true);
  });

  it('can be changed and disabled', () => {
    const text = `objectives:
  - name: target-response-time
    threshold: 800ms
    window: 7d
    tenants:
      - { organizationId: grand, target: 95, threshold: 1s }
      - { organizationId: test, enabled: false }
  - name: target-uptime
    enabled: false
`;
    const objective = findObjective(text, 'target-response-time')!;
    expect(objective).toMatchObject({ thresholdMs: 800, periodMs: 7 * DAY_MS, target: 99 });
    expect(getObjectiveLimits(objective, { organization: 'grand' })).toMatchObject({
      thresholdMs: 1000,
      target: 95,
    });
    expect(getObjectiveLimits(objective, { organization: 'test' }).enabled).toBe(false);
    expect(getObjectiveLimits(objective, { organization: 'other' }).thresholdMs).toBe(800);
    expect(findObjective(text, 'target-uptime')).toBeUndefined();
  });
});

describe('own objectives', () => {
  it('have defaults', () => {
    expect(findObjective(OWN, 'checkout')).toEqual({
      name: 'checkout',
      kind: 'latency',
      description: undefined,
      type: 'API_RESPONSE_TIME',
      thresholdMs: 500,
      target: 99,
      enabled: true,
      periodMs: 30 * DAY_MS,
      filter: {},
      groupBy: [],
      alerts: 'page',
      minimumBadEvents: 10,
      tenants: [],
      isTarget: false,
    });
  });

  it('are grouped by the tenants of the filter, so that the tenants can see them', () => {
    const text = `${OWN}    filter: { organizationId: grand, endpoint: [/a, /b] }\n`;
    const objective = findObjective(text, 'checkout');
    expect(objective?.filter).toEqual({ organization: ['grand'], endpoint: ['/a', '/b'] });
    expect(objective?.groupBy).toEqual(['organization']);
  });

  it('can have several thresholds if none implies another', () => {
    const second = '  - { name: b, kind: latency, threshold: 200ms, target: 90 }\n';
    expect(listProblems(OWN + second)).toEqual([]);
    const week = '  - { name: b, kind: latency, threshold: 200ms, target: 99.9, window: 7d }\n';
    expect(listProblems(OWN + week)).toEqual([]);
  });
});

const INVALID: readonly (readonly [string, string, string, RegExp])[] = [
  ['objectives that are not a list', 'objectives: 3', '1:13', /must be a list/],
  ['no name', 'objectives:\n  - kind: latency', '2:5', /`name` is missing/],
  ['an unknown key', `${OWN}    treshold: 3`, '6:5', /did you mean `threshold`\?/],
  [
    'an unknown kind',
    'objectives:\n  - { name: a, kind: latnecy, target: 9 }',
    '2:22',
    /`latency`/,
  ],
  ['no kind', 'objectives:\n  - { name: a, target: 9 }', '2:13', /no objective `a` to override/],
  ['no target', 'objectives:\n  - { name: a, kind: uptime }', '2:5', /`target` is missing/],
  [
    'a target of 100 %',
    OWN.replace('99', '100'),
    '5:13',
    /must be at most 99.9999: .*no error budget/,
  ],
  [
    'a share as a target',
    OWN.replace('99', '0.995'),
    '5:13',
    /`target` must be a percentage of at least 1, not `0.995`; did you mean `99.5`\?/,
  ],
  ['a number as a threshold', OWN.replace('500ms', '500'), '4:16', /such as `30s`.*, not `500`/],
  ['a kind of alerts', `${OWN}    alerts: email`, '6:13', /allowed: `page`, `ticket`, `off`/],
  ['a target of 0', OWN.replace('99', '0'), '5:13', /must be greater than 0/],
  [
    'another window',
    `${OWN}    window: 90d`,
    '6:13',
    /`window` cannot be `90d`; did you mean `30d`/,
  ],
  [
    'a latency without threshold',
    OWN.replace('    threshold: 500ms\n', ''),
    '2:5',
    /`threshold` is missing/,
  ],
  [
    'an availability with a threshold',
    OWN.replace('latency', 'availability'),
    '4:5',
    /doesn't support `threshold`/,
  ],
  ['a threshold above all buckets', OWN.replace('500ms', '2h'), '4:16', /from 1 ms to 60 min/],
  ['a threshold of 0', OWN.replace('500ms', '0s'), '4:16', /from 1 ms/],
  [
    'a gauge',
    `${OWN}    type: CPU_USAGE`,
    '6:11',
    /no single events to count; allowed: `API_RESPONSE_TIME`/,
  ],
  [
    'a type of uptime',
    'objectives:\n  - { name: a, kind: uptime, target: 9, type: QUEUE_WAIT_TIME }',
    '2:41',
    /doesn't support `type`/,
  ],
  [
    'an endpoint of a queue',
    `${OWN}    type: QUEUE_WAIT_TIME\n    filter: { endpoint: /a }`,
    '7:15',
    /`QUEUE_WAIT_TIME` have no `endpoint`/,
  ],
  [
    'a queue of requests',
    `${OWN}    groupBy: [service, queue]`,
    '6:24',
    /`API_RESPONSE_TIME` have no `queue`/,
  ],
  [
    'a tenant of uptime',
    'objectives:\n  - { name: a, kind: uptime, target: 9, groupBy: [organizationId] }',
    '2:51',
    /`health rows` have no `organizationId`/,
  ],
  [
    'an override without group',
    `${OWN}    tenants: [{ organizationId: a }]`,
    '6:17',
    /grouped by `organizationId`/,
  ],
  [
    'a threshold of a tenant',
    `${OWN}    groupBy: [organizationId]\n    tenants: [{ organizationId: a, threshold: 1s }]`,
    '7:36',
    /add an objective with a filter/,
  ],
  [
    'a tenant twice',
    `${OWN}    groupBy: [organizationId]\n    tenants: [{ organizationId: a }, { organizationId: a }]`,
    '7:38',
    /listed twice/,
  ],
  [
    'a name twice',
    `${OWN}  - { name: checkout, kind: uptime, target: 9 }`,
    '6:13',
    /used twice in `objectives`/,
  ],
  [
    'a stricter target within a shorter time',
    `${OWN}  - { name: b, kind: latency, threshold: 200ms, target: 99.9 }`,
    '2:5',
    /`b` \(99.9 % within 200 ms\) has the same subject and is at least as strict/,
  ],
  [
    'the same target within a shorter time',
    `${OWN}  - { name: b, kind: latency, threshold: 200ms, target: 99 }`,
    '2:5',
    /`b` \(99 % within 200 ms\)/,
  ],
  [
    'the same objective twice',
    `${OWN}  - { name: b, kind: latency, threshold: 500ms, target: 99 }`,
    '6:5',
    /`checkout` \(99 % within 500 ms\)/,
  ],
  [
    'two availabilities',
    'objectives:\n  - { name: a, kind: availability, target: 99 }\n  - { name: b, kind: availability, target: 99.9 }',
    '2:5',
    /`b` \(99.9 %\)/,
  ],
];

it.each(INVALID)('rejects %s at its position', (_, text, position, message) => {
  const problems = listProblems(text);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(message);
  expect(problems[0]?.split(' ')[0]).toBe(position);
});

it('rejects a window that is longer than the retention', () => {
  const settings = { ...SETTINGS, PERFORMANCE_RETENTION_MINUTE_DAYS: 14 };
  expect(listProblems(OWN, settings)).toEqual([
    '2:5 `window` (30d) must be at most 14d: measurements are deleted after that time',
  ]);
  expect(listProblems(`${OWN}    window: 7d`, settings)).toEqual([]);
  // The built-in objectives aren't rejected.
  expect(listProblems('', settings)).toEqual([]);
});

describe('a rules file that overrides one of the former rules `target-*`', () => {
  const load = (text: string) => collectDeprecatedNames(() => loadTestRules(text));

  it('changes the objective, with a notice', () => {
    const { value, notices } = load(`rules:
  - name: target-response-time
    thresholds: { warning: 800 }
    for: 10m
    tenants:
      - { organizationId: grand, thresholds: { warning: 1000 } }
  - name: target-error-rate
    thresholds: { warning: 2.5 }
  - name: target-uptime
    thresholds: { warning: 99.5 }
  - name: target-database-time
    enabled: false
  - name: cpu
    enabled: false
`);
    const find = (name: string) => value.objectives.find((each) => each.name === name);
    expect(find('target-response-time')).toMatchObject({ thresholdMs: 800, kind: 'average' });
    expect(find('target-response-time')?.tenants).toMatchObject([
      { organization: 'grand', thresholdMs: 1000 },
    ]);
    expect(find('target-error-rate')?.target).toBe(97.5);
    expect(find('target-uptime')?.target).toBe(99.5);
    expect(find('target-database-time')).toBeUndefined();
    expect(value.rules.some(({ name }) => name === 'cpu')).toBe(false);
    expect(notices).toEqual([
      '`target-response-time in rules` is deprecated. Use `target-response-time in objectives` instead.',
      '`target-error-rate in rules` is deprecated. Use `target-error-rate in objectives` instead.',
      '`target-uptime in rules` is deprecated. Use `target-uptime in objectives` instead.',
      '`target-database-time in rules` is deprecated. Use `target-database-time in objectives` instead.',
    ]);
  });

  it('has problems at the original positions', () => {
    const text = `rules:
  - name: target-uptime
    thresholds: { warning: 100 }
  - name: cpu
    fro: 3m
  - name: target-error-rate
    measure: { filter: { queue: a } }
`;
    expect(listProblems(text)).toEqual([
      expect.stringMatching(/^3:17 .*must be at most 99.9999/),
      expect.stringMatching(/^5:5 unknown key `fro`/),
      expect.stringMatching(/^7:26 .*have no `queue`/),
    ]);
  });

  it('can still define a complete rule with such a name', () => {
    const { value, notices } = load(`rules:
  - name: target-uptime
    measure: { type: API_RESPONSE_TIME, aggregate: average }
    thresholds: { warning: 800 }
`);
    expect(notices).toEqual([]);
    expect(value.rules.some(({ name }) => name === 'target-uptime')).toBe(true);
  });
});
