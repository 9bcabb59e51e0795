import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mapExternalSeverity } from '../../../../../src/server/alerts/external/external-alert-labels.ts';
import { parsePostedAlerts } from '../../../../../src/server/alerts/external/parse-posted-alerts.ts';

const parseOne = (entry: object, organization?: string) => {
  const { alerts, problems } = parsePostedAlerts([entry], organization);
  expect(problems).toEqual([]);
  return alerts[0]!;
};

it('converts an alert of Prometheus', () => {
  const alert = parseOne({
    labels: {
      alertname: 'HighErrorRate',
      severity: 'page',
      job: 'booking',
      instance: 'web-1:9464',
      route: '/rooms',
    },
    annotations: { description: 'Too many errors', runbook_url: 'https://wiki.example.com/errors' },
    startsAt: '2026-11-29T10:00:00.123456789Z',
    endsAt: '0001-01-01T00:00:00Z',
    generatorURL: 'http://prometheus:9090/graph?g0.expr=up',
  });
  expect(alert).toEqual({
    rule: 'alertmanager:HighErrorRate',
    severity: 'critical',
    labels: {
      job: 'booking',
      service: 'booking',
      instance: 'web-1:9464',
      host: 'web-1',
      route: '/rooms',
      endpoint: '/rooms',
      exported_severity: 'page',
      source: 'alertmanager',
    },
    annotations: {
      summary: 'Too many errors',
      description: 'Too many errors',
      runbook_url: 'https://wiki.example.com/errors',
      generator_url: 'http://prometheus:9090/graph?g0.expr=up',
    },
    startsMs: Date.parse('2026-11-29T10:00:00.123Z'),
    endsMs: undefined,
  });
});

it.each([
  ['critical', 'critical'],
  ['PAGE', 'critical'],
  ['major', 'high'],
  ['error', 'medium'],
  ['info', 'warning'],
  ['constructor', 'warning'],
  [undefined, 'warning'],
])('maps the severity %s to %s', (label, severity) => {
  expect(mapExternalSeverity(label)).toBe(severity);
});

it('lets only keys without an organization select one with a label', () => {
  const labels = {
    alertname: 'A',
    organization: 'other',
    organization_id: 'other',
    property: 'p1',
  };
  expect(parseOne({ labels }, 'mine').labels).toEqual({
    organization: 'mine',
    property: 'p1',
    source: 'alertmanager',
  });
  expect(parseOne({ labels }).labels.organization).toBe('other');
  expect(parseOne({ labels: { alertname: 'A' } }, 'mine').labels.organization).toBe('mine');
});

it('keeps alerts apart that differ only in their severity', () => {
  const [warning, critical] = ['warning', 'critical'].map((severity) =>
    parseOne({ labels: { alertname: 'A', severity } }),
  );
  expect(warning?.labels).not.toEqual(critical?.labels);
});

it.each([
  { labels: { alertname: 'A', raised_by: 'perfscope' } },
  { labels: { alertname: 'A' }, annotations: { perfscope_id: 'abc' } },
  {
    labels: { alertname: 'Perfscope', raised_by: 'prometheus', alertstate: 'firing', rule: 'cpu' },
  },
])('ignores an alert that Perfscope raised itself: %j', (entry) => {
  expect(parsePostedAlerts([entry], undefined)).toEqual({ alerts: [], ownCount: 1, problems: [] });
});

it('removes hidden characters, secrets, and addresses that are not web pages', () => {
  const { rule, labels, annotations } = parseOne({
    labels: {
      alertname: 'A\u0000B',
      path: '<b>x</b>\u202e',
      __meta: 'x',
      ip: '192.168.100.10:9100',
    },
    annotations: {
      summary: 'password=hunter2secret\u0007',
      runbook_url: 'javascript:alert(1)',
      html: '<script>alert(1)</script>',
    },
    generatorURL: 'data:text/html,x',
  });
  expect(rule).toBe('alertmanager:A B');
  expect(labels).toEqual({ path: '<b>x</b>', ip: '192.168.100.10:9100', source: 'alertmanager' });
  expect(annotations.summary).not.toContain('hunter2');
  expect(annotations).not.toHaveProperty('runbook_url');
  expect(annotations).not.toHaveProperty('generator_url');
  // Views escape HTML.
  expect(annotations.html).toBe('<script>alert(1)</script>');
});

it('shortens long texts, and keeps long labels different from each other', () => {
  const long = 'x'.repeat(1_000_000);
  const [a, b] = ['1', '2'].map((end) =>
    parseOne({ labels: { alertname: 'A', long: long + end }, annotations: { summary: long } }),
  );
  expect(a?.labels.long?.length).toBeLessThanOrEqual(256);
  expect(a?.labels.long).not.toBe(b?.labels.long);
  expect(a?.annotations.summary?.length).toBeLessThanOrEqual(2000);
});

it('accepts names of prototype members as labels', () => {
  const entry = JSON.parse(
    '{"labels":{"alertname":"constructor","toString":"x","constructor":"y","hasOwnProperty":"z","__proto__":"p"}}',
  ) as object;
  const { rule, labels } = parseOne(entry);
  expect(rule).toBe('alertmanager:constructor');
  expect(labels).toEqual({
    toString: 'x',
    constructor: 'y',
    hasOwnProperty: 'z',
    source: 'alertmanager',
  });
});

it.each([
  [5, 'an alert must be an object'],
  [{}, 'labels must be an object of strings'],
  [{ labels: {} }, 'the label alertname is missing'],
  [{ labels: { alertname: 5 } }, 'labels.alertname must be a string'],
  [{ labels: { alertname: 'A', 'a-b': 'x' } }, 'labels has an invalid name'],
  [{ labels: { alertname: 'A' }, annotations: [] }, 'annotations must be an object of strings'],
  [{ labels: { alertname: 'A' }, startsAt: 'yesterday' }, 'startsAt must be an RFC 3339 time'],
  [{ labels: { alertname: 'A', organization: '\ufeff' } }, 'organization'],
  [
    {
      labels: { alertname: 'A' },
      startsAt: '2026-11-29T10:00:00Z',
      endsAt: '2026-11-29T09:00:00Z',
    },
    'endsAt is before startsAt',
  ],
  [
    { labels: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`a${i}`, 'x'])) },
    'labels has more than 64 entries',
  ],
])('reports an invalid alert and stores the others: %j', (entry, problem) => {
  const valid = { labels: { alertname: 'Valid' } };
  const { alerts, problems } = parsePostedAlerts([valid, entry, valid], undefined);
  expect(alerts.length).toBe(2);
  expect(problems.length).toBe(1);
  expect(problems[0]).toContain('alert 2: ');
  expect(problems[0]).toContain(problem);
});

it('rejects a body that is not an array, and too many alerts', () => {
  expect(() => parsePostedAlerts({}, undefined)).toThrow('must be an array');
  expect(() => parsePostedAlerts(new Array(100_000).fill({}), undefined)).toThrow('limit is 5000');
});

it('never throws for any JSON in an array, and bounds its result', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), (body) => {
      const { alerts, problems } = parsePostedAlerts(body, 'org');
      expect(alerts.length + problems.length).toBeLessThanOrEqual(body.length);
    }),
  );
  const name = fc.stringMatching(/^[a-zA-Z_]\w{0,20}$/);
  fc.assert(
    fc.property(fc.dictionary(name, fc.string({ unit: 'binary' })), (labels) => {
      const [alert] = parsePostedAlerts([{ labels: { ...labels, alertname: 'A' } }], 'org').alerts;
      if (!alert) return;
      expect(alert.labels.organization).toBe('org');
      for (const text of Object.values(alert.labels)) expect(text).not.toMatch(/\p{Cc}/u);
    }),
  );
});
