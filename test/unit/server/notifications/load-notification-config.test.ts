import { expect, it } from 'vitest';
import type { ConfigProblem } from '../../../../src/core/config-files/config-validation.ts';
import type { PerfscopeError } from '../../../../src/core/perfscope-error.ts';
import { loadNotificationConfig } from '../../../../src/server/notifications/config/load-notification-config.ts';
import { getRecipientLimit } from '../../../../src/server/notifications/config/notification-config.ts';
import { loadTestPlan } from '../../../support/notifier-fixtures.ts';

/** Returns the problems of a file as `line:column message`. */
function getProblems(text: string): string[] {
  try {
    loadTestPlan(text);
    return [];
  } catch (error) {
    const { code, params } = error as PerfscopeError;
    expect(code).toBe('PS_NOTIFY_INVALID');
    return (params.problems as ConfigProblem[]).map((p) => `${p.line}:${p.column} ${p.message}`);
  }
}

it('sends in-app notifications to managers and admins without a file', () => {
  const config = loadNotificationConfig('UTC');
  expect(config.route.receivers).toEqual(['default']);
  expect(config.receivers.get('default')).toMatchObject({
    to: { roles: ['PROPERTY_MGR', 'ADMIN'] },
    channels: [{ kind: 'inApp' }],
  });
  // A file without routes keeps the default route.
  expect(loadTestPlan('people: []').route.receivers).toEqual(['default']);
});

it.each([
  ['route: [', /is not valid YAML/],
  ['reciever: []', /1:1 unknown key `reciever`; did you mean `receivers`\?/],
  ['timeZone: Mars/Base', /1:11 `timeZone` must be a time zone/],
  ['receivers:\n  - {name: a, channels: []}', /2:\d+ `channels`/],
  ['receivers:\n  - name: a\n    channels:\n      - kind: pigeon', /4:\d+ `kind`/],
  ['receivers:\n  - {name: a, channels: [{kind: inApp}]}', /2:\d+ `inApp` requires `to`/],
  [
    'receivers:\n  - {name: a, to: {roles: [BOSS]}, channels: [{kind: inApp}]}',
    /`roles` cannot be `BOSS`; allowed: `ADMIN`/,
  ],
  ['route:\n  receivers: [oncal]', /2:15 unknown name `oncal`; allowed: `default`/],
  ['route:\n  routes:\n    - routes:\n        - {muteTimes: [night]}', /4:24 unknown name `night`/],
  ['route: {escalation: fast}', /unknown name `fast`/],
  [
    'route: {matchers: ["service=~("]}',
    /`service=~\(`, because it has an invalid regular expression/,
  ],
  [
    'escalations:\n  - name: e\n    levels:\n      - {after: 5m, receivers: [default]}\n      - {after: 5m, receivers: [default]}',
    /5:17 `after` must be longer/,
  ],
  [
    'escalations:\n  - {name: e, levels: [{after: 5m, receivers: [default], times: 3}]}',
    /`times` requires `repeat`/,
  ],
  ['digests:\n  - {name: d}', /must have either `every` or `at`/],
  ['digests:\n  - {name: d, at: ["25:00"]}', /must be a time of day/],
  [
    'intervals:\n  - {name: n, times: [{every: week, from: "22:00", to: "06:00"}]}',
    /must be used with `days`/,
  ],
  [
    'people:\n  - {name: ann, role: VIEWER}',
    /`role` cannot be used here: VIEWER requires an organization/,
  ],
  [
    'people:\n  - {name: ann, role: ADMIN, email: "ann@hotel.example\\nBcc: x@y.z"}',
    /`email` must be one line without control characters/,
  ],
  [
    'people:\n  - {name: ann, role: ADMIN}\n  - {name: ann, role: ADMIN}',
    /3:12 the name `ann` is used twice in `people`/,
  ],
  [
    'people:\n  - {name: ann, role: ADMIN}\nreceivers:\n  - {name: a, to: {people: [anna]}, channels: [{kind: inApp}]}',
    /4:29 unknown person `anna`; did you mean `ann`\?/,
  ],
])('reports the problem in %j at its position', (text, problem) => {
  const problems = getProblems(text);
  expect(problems.length).toBeGreaterThan(0);
  expect(problems.join('\n')).toMatch(problem);
});

it('allows unknown people in receivers, because the API or the application can add them', () => {
  const text = (name: string) =>
    `people:\n  - {name: ann, role: ADMIN}\nreceivers:\n  - {name: a, to: {people: [${name}]}, channels: [{kind: inApp}]}`;
  expect(getProblems(text('bob'))).toEqual([]);
  expect(getProblems(text('an'))).toEqual([expect.stringContaining('did you mean `ann`?')]);
});

it('rejects a secret in the file, and does not repeat it in the problem', () => {
  const channel = '{kind: webhook, url: "https://hook.example/", secret: "hush"}';
  const problems = getProblems(`receivers:\n  - {name: a, channels: [${channel}]}`).join('\n');
  expect(problems).toMatch(/unknown key `secret`; did you mean `secretFile`\?/);
  expect(problems).not.toContain('hush');
});

it('reports all problems in the order of the file', () => {
  const problems = getProblems('route:\n  receivers: [x]\n  digest: y\nescalations: 3');
  expect(problems[0]).toMatch(/^4:/);
  expect(getProblems('route:\n  receivers: [x]\n  digest: y').map((p) => p.slice(0, 2))).toEqual([
    '2:',
    '3:',
  ]);
});

it('limits messages per recipient over channels that people read', () => {
  const { receivers } = loadTestPlan(`
receivers:
  - { name: a, channels: [{ kind: slack, urlFile: u }] }
  - { name: b, channels: [{ kind: slack, urlFile: u }], recipientLimit: { messages: 3 } }
  - { name: c, channels: [{ kind: slack, urlFile: u }], recipientLimit: { messages: 1, per: 1h } }
`);
  const getLimit = (name: string, kind: string) => getRecipientLimit(receivers.get(name), kind);
  expect(getLimit('a', 'email')).toEqual({ messages: 5, perMs: 600_000 });
  expect(getLimit('a', 'sms')).toEqual({ messages: 2, perMs: 600_000 });
  expect(getLimit('b', 'slack')).toEqual({ messages: 3, perMs: 600_000 });
  expect(getLimit('c', 'slack')).toEqual({ messages: 1, perMs: 3_600_000 });
  for (const kind of ['inApp', 'webhook', 'alertmanager', 'pagerduty']) {
    expect(getLimit('c', kind)).toBeUndefined();
  }
});
