import { expect, it } from 'vitest';
import type { ConfigProblem } from '../../../../src/core/config-files/config-validation.ts';
import { PerfscopeError } from '../../../../src/core/perfscope-error.ts';
import { getRuleThresholds } from '../../../../src/server/alerts/rules/alert-rule.ts';
import { findRule, loadTestRules, SETTINGS } from '../../../support/alert-rule-fixtures.ts';

function problemsOf(text: string): readonly ConfigProblem[] {
  try {
    loadTestRules(text);
  } catch (error) {
    if (!(error instanceof PerfscopeError)) throw error;
    expect(error.code).toBe('PS_RULES_INVALID');
    const { problems } = error.params as { problems: readonly ConfigProblem[] };
    for (const p of problems) {
      expect(error.message).toContain(`${p.file}:${p.line}:${p.column}: ${p.message}`);
    }
    return problems;
  }
  return [];
}

const MEASURE = 'measure: { type: API_RESPONSE_TIME, aggregate: mean, groupBy: [service] }';
const OWN = `rules:\n  - name: own\n    ${MEASURE}\n`;

const withMeasure = (measure: string, more = '') =>
  `rules:\n  - name: own\n    measure: { ${measure} }\n    thresholds: { high: 1 }${more}`;
const VALID = `${OWN}    thresholds: { high: 1 }\n`;
const MAINTENANCE = 'maintenance:\n  - name: m\n    matchers: [\'a="b"\']\n';
const DAILY = 'every: day, from: "02:00", to: "03:00", timeZone: Europe/Berlin';
const toInhibition = (source: string) =>
  `inhibit:\n  - name: i\n    source: ['${source}']\n    target: ['a="b"']`;

const INVALID: readonly (readonly [string, string, string, RegExp])[] = [
  ['invalid YAML', 'rules:\n  - name: [', '2:12', /is not valid YAML/],
  ['a duplicate key', 'interval: 30s\ninterval: 60s', '2:1', /is not valid YAML.*unique/],
  ['an unknown top-level key', 'intervall: 30s', '1:1', /unknown key `intervall`.*`interval`\?/],
  ['a list at the top level', '- 1', '1:1', /must be a map/],
  ['rules that are not a list', 'rules: 3', '1:8', /`rules` must be a list/],
  ['a rule that is not a map', 'rules:\n  - 3', '2:5', /must be a map/],
  ['a rule without a name', `rules:\n  - ${MEASURE}`, '2:5', /`name` is missing/],
  [
    'an invalid duration',
    `${OWN}    thresholds: { high: 1 }\n    for: soon`,
    '5:10',
    /such as `30s`.*not `soon`/,
  ],
  [
    'a duration without a unit',
    `${OWN}    thresholds: { high: 1 }\n    for: 30`,
    '5:10',
    /duration such as/,
  ],
  [
    'an unknown key of a rule',
    `${OWN}    tresholds: { high: 1 }`,
    '4:5',
    /did you mean `thresholds`\?/,
  ],
  ['an unknown severity', `${OWN}    thresholds: { hihg: 1 }`, '4:19', /did you mean `high`\?/],
  ['no threshold', OWN, '2:5', /`thresholds` is missing/],
  [
    'a string as a threshold',
    `${OWN}    thresholds: { high: fast }`,
    '4:25',
    /`high` must be a number, not `fast`/,
  ],
  [
    'thresholds in the wrong order',
    `${OWN}    thresholds:\n      warning: 500\n      critical: 400`,
    '6:17',
    /`critical` \(400\) must be greater than `warning` \(500\)/,
  ],
  [
    'thresholds in the wrong order for `below`',
    `${OWN}    direction: below\n    thresholds: { warning: 99, critical: 99.9 }`,
    '5:42',
    /must be less than `warning`/,
  ],
  [
    'a recovery value above the threshold',
    `${OWN}    thresholds: { high: 10 }\n    recovery: 11`,
    '5:15',
    /must be at most the first threshold/,
  ],
  [
    'a recovery value that is neither a number nor a percentage',
    `${OWN}    thresholds: { high: 10 }\n    recovery: most`,
    '5:15',
    /percentage of the first threshold/,
  ],
  [
    'an unknown aggregate',
    'rules:\n  - name: own\n    measure: { type: CUSTOM, aggregate: meen }\n    thresholds: { high: 1 }',
    '3:41',
    /did you mean `average`\?/,
  ],
  [
    'an unknown metric type',
    'rules:\n  - name: own\n    measure: { type: CPU_USAG, aggregate: mean }\n    thresholds: { high: 1 }',
    '3:22',
    /did you mean `CPU_USAGE`\?/,
  ],
  [
    'an unknown dimension',
    'rules:\n  - name: own\n    measure: { type: CUSTOM, aggregate: mean, groupBy: [servic] }\n    thresholds: { high: 1 }',
    '3:57',
    /did you mean `service`\?/,
  ],
  [
    'a filter by an unknown dimension',
    'rules:\n  - name: own\n    measure: { type: CUSTOM, aggregate: mean, filter: { servic: a } }\n    thresholds: { high: 1 }',
    '3:57',
    /did you mean `service`\?/,
  ],
  [
    'a measure without its type',
    'rules:\n  - name: own\n    measure: { aggregate: p95 }\n    thresholds: { high: 1 }',
    '3:14',
    /`type` is missing: `p95`/,
  ],
  [
    'a type for an aggregate with a fixed type',
    'rules:\n  - name: own\n    measure: { aggregate: depth, type: CUSTOM }\n    thresholds: { high: 1 }',
    '3:34',
    /`depth` doesn't support `type`/,
  ],
  [
    'a queue grouped by endpoint',
    'rules:\n  - name: own\n    measure: { aggregate: depth, groupBy: [queue, endpoint] }\n    thresholds: { high: 1 }',
    '3:51',
    /queues have no `endpoint`/,
  ],
  [
    'uptime grouped by tenant',
    'rules:\n  - name: own\n    measure: { aggregate: uptime, groupBy: [service, organization] }\n    thresholds: { high: 1 }',
    '3:54',
    /health rows have no `organizationId`: `uptime` can't be grouped by it; allowed: `service`, `version`, `environment`, `instance`/,
  ],
  [
    'uptime filtered by endpoint',
    'rules:\n  - name: own\n    measure: { aggregate: uptime, filter: { endpoint: /pay } }\n    thresholds: { high: 1 }',
    '3:45',
    /health rows have no `endpoint`: `uptime` can't be filtered by it/,
  ],
  [
    'a slow share without `slowerThan`',
    'rules:\n  - name: own\n    measure: { type: CUSTOM, aggregate: slow_share }\n    thresholds: { high: 1 }',
    '3:14',
    /`slowerThan` is missing/,
  ],
  [
    'two kinds of measure',
    `${OWN}    thresholds: { high: 1 }\n    internal: spool_bytes`,
    '2:5',
    /exactly one of/,
  ],
  [
    'a template with an unknown variable',
    `${OWN}    thresholds: { high: 1 }\n    annotations:\n      summary: 'it is {{ $valu }}'`,
    '6:16',
    /`\$valu` is not a variable; did you mean `\$value`\?/,
  ],
  [
    'a runbook that is not a web page',
    `${OWN}    thresholds: { high: 1 }\n    runbook: javascript:alert(1)`,
    '5:14',
    /http:\/\/ or https:\/\//,
  ],
  [
    'a tenant override of a rule that is not grouped by tenant',
    `${OWN}    thresholds: { high: 1 }\n    tenants:\n      - { organization: a, enabled: false }`,
    '6:11',
    /requires that the rule is grouped by `organizationId`/,
  ],
  [
    'a label that Perfscope sets itself',
    `${OWN}    thresholds: { high: 1 }\n    labels: { severity: page }`,
    '5:15',
    /Perfscope sets the label `severity` itself/,
  ],
  [
    'a duplicate name',
    `${OWN}    thresholds: { high: 1 }\n  - name: own\n    for: 1m`,
    '5:11',
    /is used twice/,
  ],
  [
    'an override of an unknown rule',
    'rules:\n  - name: respons-time\n    thresholds: { warning: 1 }',
    '2:11',
    /no rule `respons-time` to override; did you mean `response-time`\?/,
  ],
  [
    'an override that puts the built-in thresholds in the wrong order',
    'rules:\n  - name: error-rate\n    thresholds: { medium: 12 }',
    '3:17',
    /`high` \(10\) must be greater than `medium` \(12\)/,
  ],
  [
    'an invalid matcher',
    "inhibit:\n  - name: i\n    source: ['severity']\n    target: ['a=\"b\"']",
    '3:14',
    /such as `severity="warning"`/,
  ],
  [
    'an invalid pattern',
    'inhibit:\n  - name: i\n    source: [\'a=~"("\']\n    target: [\'a="b"\']',
    '3:14',
    /missing closing/,
  ],
  [
    'an unknown time zone',
    'maintenance:\n  - name: m\n    matchers: [\'a="b"\']\n    recurrence: { every: day, from: "02:00", to: "03:00", timeZone: Europe/Atlantis }',
    '4:69',
    /time zone such as/,
  ],
  ['tabs', 'rules:\n\t- name: own', '2:1', /Tabs are not allowed.*use spaces/],
  [
    'a key that is repeated in a rule',
    `${VALID}    for: 1m\n    for: 2m`,
    '6:5',
    /must be unique; remove one of the keys `for`/,
  ],
  ['several documents', 'rules: []\n---\nrules: []', '2:1', /several documents; remove `---`/],
  [
    'a template without quotes',
    `${VALID}    annotations:\n      summary: {{ $value }} is high`,
    '6:29',
    /put the text in quotes/,
  ],
  ['a text at the top level', 'hello', '1:1', /`the file` must be a map of keys, not `hello`/],
  ['an empty list of rules', 'rules:', '1:7', /`rules` must be a list, not `null`/],
  ['a negative duration', `${VALID}    for: -5m`, '5:10', /`1d`, not `-5m`$/],
  [
    'a duration with a long unit',
    `${VALID}    for: 5 minutes`,
    '5:10',
    /not `5 minutes`; did you mean `5m`\?/,
  ],
  ['a number as a duration', `${VALID}    for: 300`, '5:10', /such as `30s`.*, not `300`$/],
  ['a duration in months', `${VALID}    for: 3mo`, '5:10', /, not `3mo`$/],
  [
    'a window that is too long',
    withMeasure('type: CUSTOM, aggregate: mean, window: 400d'),
    '3:55',
    /must be at most `366d`, not `400d`/,
  ],
  ['a misspelled direction', `${VALID}    direction: bellow`, '5:16', /did you mean `below`\?/],
  [
    'a direction without a threshold',
    `${OWN}    direction: below`,
    '2:5',
    /`thresholds` is missing: set at least one/,
  ],
  ['thresholds that are a number', `${OWN}    thresholds: 5`, '4:17', /map of keys, not `5`/],
  [
    'a threshold with a unit',
    `${OWN}    thresholds: { high: 500ms }`,
    '4:25',
    /must be a number, not `500ms`/,
  ],
  [
    'a threshold above 100 %',
    withMeasure('type: CUSTOM, aggregate: errorRate').replace('high: 1', 'high: 500'),
    '4:25',
    /`high` must be from 0 to 100, not `500`: `errorRate` is a percentage/,
  ],
  [
    "a tenant's threshold that isn't an Apdex",
    withMeasure(
      'type: CUSTOM, aggregate: apdex, slowerThan: 1s, groupBy: [organizationId]',
      '\n    tenants: [{ organizationId: a, thresholds: { high: 1.5 } }]',
    ),
    '5:56',
    /`high` must be from 0 to 1, not `1.5`/,
  ],
  [
    'a measure without its aggregate',
    withMeasure('type: CUSTOM'),
    '3:14',
    /`aggregate` is missing; allowed: `average`, `min`/,
  ],
  [
    'an unknown metric type that is not similar to another type',
    withMeasure('type: latency, aggregate: p95'),
    '3:22',
    /cannot be `latency`; allowed: `API_RESPONSE_TIME`/,
  ],
  [
    '`groupBy` as a text',
    withMeasure('type: CPU_USAGE, aggregate: mean, groupBy: host'),
    '3:59',
    /must be a list such as `\[host\]`, not `host`/,
  ],
  [
    'a dimension twice',
    withMeasure('type: CPU_USAGE, aggregate: mean, groupBy: [host, host]'),
    '3:66',
    /contains `host` twice/,
  ],
  [
    'requests grouped by host',
    withMeasure('type: API_RESPONSE_TIME, aggregate: mean, groupBy: [host]'),
    '3:68',
    /`API_RESPONSE_TIME` has no `host`; allowed: `service`/,
  ],
  [
    'a percentile grouped by error type',
    withMeasure('type: API_RESPONSE_TIME, aggregate: p95, groupBy: [errorType]'),
    '3:67',
    /`p95` has no `errorType`: .*; allowed: `service`/,
  ],
  [
    'a percentile filtered by error type',
    withMeasure('type: API_RESPONSE_TIME, aggregate: p95, filter: { errorType: a }'),
    '3:67',
    /`p95` has no `errorType`/,
  ],
  [
    'a number in a filter',
    withMeasure('type: CUSTOM, aggregate: mean, filter: { service: 5 }'),
    '3:66',
    /string or a list of strings, not `5`/,
  ],
  ['a negative count', `${VALID}    minimumCount: -1`, '5:19', /at least 0, not `-1`/],
  [
    'the confidence of a mean',
    `${VALID}    confidence: 95%`,
    '5:5',
    /allowed: `errorRate`, `slowShare`, `apdex`, `failureRate`/,
  ],
  [
    'a coverage that is longer than the window',
    `${VALID}    minimumCoverage: 1h`,
    '5:22',
    /\(1 h\) must be at most `window` \(5 min\)/,
  ],
  ['a number as a name', `rules:\n  - name: 5\n    ${MEASURE}`, '2:11', /in quotes, not `5`/],
  ['a name with signs', `rules:\n  - name: a$&b\n    ${MEASURE}`, '2:11', /, not `a\$&b`$/],
  ['a name with a space', `rules:\n  - name: a b\n    ${MEASURE}`, '2:11', /, not `a b`/],
  [
    'a Prometheus rule',
    'rules:\n  - alert: A\n    expr: up == 0',
    '2:5',
    /`name` is missing: this is a Prometheus rule; .*perfscope rules import/,
  ],
  ['a Prometheus file', 'groups:\n  - name: g', '1:1', /unknown key `groups`; .*rules import/],
  ['a receiver', `${VALID}    receiver: team`, '5:5', /notification file.*`receivers`/],
  ['a severity', `${VALID}    severity: critical`, '5:5', /key of `thresholds`, such as/],
  [
    'a new rule without a measure',
    'rules:\n  - name: brand-new\n    thresholds: { high: 1 }',
    '2:11',
    /no rule `brand-new` to override; a new rule requires `measure`/,
  ],
  [
    'SQL that reads a misspelled table',
    'rules:\n  - name: own\n    sql: SELECT count() AS value FROM quee_metrics\n    thresholds: { high: 1 }',
    '3:10',
    /must not read `quee_metrics`; did you mean `queue_metrics`\?/,
  ],
  [
    'SQL that reads another table',
    'rules:\n  - name: own\n    sql: SELECT count() AS value FROM people\n    thresholds: { high: 1 }',
    '3:10',
    /a rule can only read `performance_metrics`, /,
  ],
  [
    'an inhibition without a target',
    'inhibit:\n  - name: i\n    source: [\'a="b"\']',
    '2:5',
    /`target` is missing: it must be a list of matchers/,
  ],
  [
    'a matcher that is not in a list',
    'inhibit:\n  - name: i\n    source: a="b"\n    target: [\'a="b"\']',
    '3:13',
    /must be a list of matchers such as `severity="warning"`, not `a="b"`/,
  ],
  [
    'an inhibition by a misspelled rule',
    toInhibition('alertname="respons-time"'),
    '3:14',
    /no rule `respons-time`; did you mean `response-time`\?/,
  ],
  [
    'an inhibition by an unknown severity',
    toInhibition('severity=crit'),
    '3:14',
    /`crit` is not a severity; did you mean `critical`\?/,
  ],
  [
    'a misspelled inhibition to disable',
    'inhibit:\n  - { name: critical-frist, enabled: false }',
    '2:13',
    /did you mean `critical-first`\?/,
  ],
  ['the inhibitions of Alertmanager', 'inhibit_rules: []', '1:1', /use `inhibit`/],
  [
    'a maintenance window of a misspelled rule',
    'maintenance:\n  - name: m\n    matchers: [\'alertname!="dsik"\']',
    '3:16',
    /did you mean `disk`\?/,
  ],
  [
    'a maintenance window that ends before it starts',
    `${MAINTENANCE}    startsAt: 2026-11-02T00:00:00Z\n    endsAt: 2026-11-01T00:00:00Z`,
    '5:13',
    /`endsAt` must be after `startsAt`, not `2026-11-01T00:00:00Z`/,
  ],
  ['a time in words', `${MAINTENANCE}    startsAt: tomorrow`, '4:15', /Z`, not `tomorrow`/],
  [
    'an impossible time of day',
    `${MAINTENANCE}    recurrence: { ${DAILY.replace('02:00', '25:00')} }`,
    '4:37',
    /must be a time of day such as `02:30`, not `25:00`/,
  ],
  ['a cron expression', `${MAINTENANCE}    recurrence: 0 2 * * 0`, '4:17', /must be a map of keys/],
  [
    'a misspelled day',
    `${MAINTENANCE}    recurrence: { ${DAILY.replace('every: day', 'every: week, days: [sundy]')} }`,
    '4:39',
    /did you mean `sunday`\?/,
  ],
  [
    'a misspelled time zone',
    `${MAINTENANCE}    recurrence: { ${DAILY.replace('Berlin', 'Berln')} }`,
    '4:69',
    /not `Europe\/Berln`; did you mean `Europe\/Berlin`\?/,
  ],
  ['an interval that is too short', 'interval: 0s', '1:11', /from `1s` to `1d`, not `0 ms`/],
  [
    'a label name with a hyphen in `groupBy`',
    'notifications: { groupBy: [my-label] }',
    '1:28',
    /must be a label name.*, not `my-label`/,
  ],
  [
    'YAML aliases that grow exponentially',
    `a: &a [1,1]\nb: &b [*a,*a]\n${'cdefghij'
      .split('')
      .map((x, i, all) => `${x}: &${x} [${Array(9).fill(`*${all[i - 1] ?? 'b'}`)}]`)
      .join('\n')}`,
    '1:1',
    /alias/i,
  ],
];

it.each(INVALID)('rejects %s and reports the position', (_case, text, position, message) => {
  const found = problemsOf(text).map((p) => ({ at: `${p.line}:${p.column}`, ...p }));
  expect(found.map((p) => p.message).join('\n')).toMatch(message);
  expect(found.find((p) => message.test(p.message))).toMatchObject({
    at: position,
    file: 'rules.yaml',
  });
});

it('reports all problems of a file at once, in order', () => {
  const text = `intervall: 1m
rules:
  - name: own
    ${MEASURE}
    thresholds: { warning: 2, high: 1 }
    for: soon
    annotations: { a: '{{ $nothing }}' }
  - name: error-rate
    minimumCount: -1
`;
  expect(problemsOf(text).map(({ line }) => line)).toEqual([1, 5, 6, 7, 9]);
});

it('accepts an empty file, and alert names of other systems', () => {
  expect(problemsOf('')).toEqual([]);
  expect(problemsOf('# nothing yet\n')).toEqual([]);
  expect(problemsOf(toInhibition('alertname="alertmanager:NodeDown"'))).toEqual([]);
  expect(problemsOf('inhibit:\n  - { name: a-former-entry, enabled: false }')).toEqual([]);
});

it('changes only the keys that an override sets', () => {
  const set = loadTestRules(
    'rules:\n  - name: response-time\n    thresholds: { critical: 9000 }\n    measure: { window: 10m }',
  );
  const rule = findRule(set, 'response-time');
  expect(rule.levels.map(({ threshold }) => threshold)).toEqual([2000, 9000]);
  expect(rule.source).toMatchObject({ aggregate: 'mean', windowMs: 600_000 });
  expect(rule.recovery).toBe(1800);
});

it('removes a key that is set to `null`, and replaces a measure with another kind of measure', () => {
  const set = loadTestRules(`rules:
  - name: response-time
    recovery: null
    thresholds: { critical: null }
  - name: cpu
    internal: spool_bytes
    annotations: { summary: 'full' }`);
  const rule = findRule(set, 'response-time');
  expect(rule.recovery).toBeUndefined();
  expect(rule.levels).toEqual([{ severity: 'warning', threshold: 2000 }]);
  expect(findRule(set, 'cpu').source).toEqual({ kind: 'internal', metric: 'spool_bytes' });
});

it('adds a rule, and removes rules and inhibitions with `enabled: false`', () => {
  const set = loadTestRules(`${OWN}    thresholds: { high: 1 }
  - name: disk
    enabled: false
inhibit:
  - { name: host-first, enabled: false }`);
  const names = set.rules.map(({ name }) => name);
  expect(names).toContain('own');
  expect(names).not.toContain('disk');
  expect(set.inhibit.map(({ name }) => name)).not.toContain('host-first');
  expect(set.inhibit.length).toBeGreaterThan(1);
});

it('treats prototype names as ordinary names', () => {
  const [problem] = problemsOf(
    '__proto__: { interval: 1s }\nrules:\n  - name: cpu\n    constructor: 3',
  );
  expect(problem?.message).toContain('__proto__');
  expect(problemsOf('rules:\n  - name: cpu\n    __proto__: { for: 1m }')[0]?.line).toBe(3);
});

it('overrides the defaults of the general settings', () => {
  const set = loadTestRules(
    'interval: 15s\nnotifications: { groupBy: [queue], repeatInterval: 1h }\nflapping: { window: 1h }',
  );
  expect(set.intervalMs).toBe(15_000);
  expect(findRule(set, 'cpu').intervalMs).toBe(15_000);
  expect(set.notifications).toEqual({
    groupBy: ['queue'],
    waitMs: 30_000,
    intervalMs: 300_000,
    repeatMs: 3_600_000,
  });
  expect(set.flapping).toEqual({ transitions: 6, windowMs: 3_600_000 });
});

it("prefers a property's thresholds over its organization's thresholds", () => {
  const rule = findRule(
    loadTestRules(`rules:
  - name: response-time
    tenants:
      - { organization: a, thresholds: { warning: 100 } }
      - { organization: a, property: p, thresholds: { warning: 200 }, minimumCount: 1 }
      - { organization: b, enabled: false }`),
    'response-time',
  );
  const first = (labels: Record<string, string>) =>
    getRuleThresholds(rule, labels).levels[0]?.threshold;
  expect(first({ organization: 'a', property: 'q' })).toBe(100);
  expect(first({ organization: 'a', property: 'p' })).toBe(200);
  expect(first({ organization: 'c', property: 'p' })).toBe(2000);
  expect(first({})).toBe(2000);
  const own = getRuleThresholds(rule, { organization: 'a' });
  expect(own).toMatchObject({ minimumCount: 5, recovery: 90 });
  expect(own.levels[1]).toEqual({ severity: 'critical', threshold: 5000 });
  expect(getRuleThresholds(rule, { organization: 'b' }).enabled).toBe(false);
});

const LEVELS: readonly (readonly [string, Partial<typeof SETTINGS>, string, object])[] = [
  [
    'set the first level',
    { PERFORMANCE_ERROR_RATE_THRESHOLD: 2 },
    'error-rate',
    { medium: 2, high: 10, critical: 15 },
  ],
  [
    'replace a level that they reach',
    { PERFORMANCE_ERROR_RATE_THRESHOLD: 10 },
    'error-rate',
    { high: 10, critical: 15 },
  ],
  [
    'keep only the highest level if they exceed all levels',
    { PERFORMANCE_QUEUE_DEPTH_THRESHOLD: 500 },
    'queue-depth',
    { critical: 500 },
  ],
  [
    'set both response time levels',
    { PERFORMANCE_RESPONSE_TIME_WARNING: 100, PERFORMANCE_RESPONSE_TIME_CRITICAL: 300 },
    'response-time',
    { warning: 100, critical: 300 },
  ],
  [
    'keep only critical if they exceed both levels',
    { PERFORMANCE_RESPONSE_TIME_WARNING: 8000 },
    'response-time',
    { critical: 8000 },
  ],
];

it.each(LEVELS)('thresholds from the environment %s', (_case, settings, name, levels) => {
  const rule = findRule(loadTestRules('', { ...SETTINGS, ...settings }), name);
  const found = rule.levels.map(({ severity, threshold }) => [severity, threshold]);
  expect(Object.fromEntries(found)).toEqual(levels);
});

it('prefers the file over the environment', () => {
  const settings = { ...SETTINGS, PERFORMANCE_ERROR_RATE_THRESHOLD: 2 };
  const set = loadTestRules('rules: [{ name: error-rate, thresholds: { medium: 7 } }]', settings);
  expect(findRule(set, 'error-rate').levels[0]?.threshold).toBe(7);
});
