import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseSettings } from '../../../src/core/config/parse-settings.ts';
import { collectDeprecatedNames, resolveName, TERMS } from '../../../src/core/vocabulary.ts';
import { loadBusinessRules } from '../../../src/server/actions/business-rules/load-business-rules.ts';
import { loadAlertRules } from '../../../src/server/alerts/rules/load-alert-rules.ts';
import { AGGREGATES } from '../../../src/server/alerts/rules/rule-aggregates.ts';
import { createInhibitor } from '../../../src/server/alerts/suppression/inhibition.ts';
import { toNotificationGroupKey } from '../../../src/server/alerts/suppression/notification-gate.ts';
import { findSilenceSuppression } from '../../../src/server/alerts/suppression/silence.ts';
import { parseBody, parseQueryString } from '../../../src/server/api/request/request-parser.ts';
import { loadNotificationConfig } from '../../../src/server/notifications/config/load-notification-config.ts';
import { createRejectedSqlError } from '../../../src/storage/sql/check-user-sql.ts';

const { settings } = parseSettings({});
const loadRules = (text: string) =>
  collectDeprecatedNames(() => loadAlertRules(settings, { name: 'rules.yaml', text }));
const getProblems = (load: () => unknown): string => {
  try {
    load();
    return '';
  } catch (error) {
    return (error as Error).message;
  }
};

it('has each name once', () => {
  const names = TERMS.flatMap(({ name, deprecated }) => [name, ...deprecated]);
  expect(new Set(names).size).toBe(names.length);
  expect(
    TERMS.every(({ internal, deprecated }) => !internal || deprecated.includes(internal)),
  ).toBe(true);
});

it('is documented', () => {
  const docs = readFileSync('docs/configuration.md', 'utf8');
  for (const { name, deprecated } of TERMS) {
    expect(docs).toContain(`| \`${name}\``);
    for (const each of deprecated) expect(docs).toContain(`\`${each}\``);
  }
});

it('resolves a name in both directions and collects deprecated names once', () => {
  const { value, notices } = collectDeprecatedNames(() => [
    resolveName('mean', ['average', 'p95']),
    resolveName('mean', ['average', 'p95']),
    resolveName('organizationId', ['organization']),
    resolveName('organization', ['organization']),
    resolveName('p95', ['average', 'p95']),
    resolveName('constructor', ['average']),
  ]);
  expect(value).toEqual(['average', 'average', 'organization', 'organization', 'p95', undefined]);
  expect(notices).toEqual([
    '`mean` is deprecated. Use `average` instead.',
    '`organization` is deprecated. Use `organizationId` instead.',
  ]);
});

describe('alert rules', () => {
  const createRule = (names: Record<string, string>) => `
rules:
  - name: own
    measure:
      type: API_RESPONSE_TIME
      aggregate: ${names.aggregate}
      groupBy: [${names.organization}, ${names.property}, service]
      filter: { ${names.organization}: anna }
    thresholds: { warning: 1 }
    labels: { mean: kept }
    tenants: [{ ${names.organization}: anna, ${names.property}: north, enabled: false }]
`;

  it.each([
    ['average', 'mean'],
    ['errorRate', 'error_ratio'],
  ])('accept %s, and %s with one notice for each name', (aggregate, deprecated) => {
    const current = loadRules(
      createRule({ aggregate, organization: 'organizationId', property: 'propertyId' }),
    );
    expect(current.notices).toEqual([]);
    const old = loadRules(
      createRule({ aggregate: deprecated, organization: 'organization', property: 'property' }),
    );
    expect(old.notices).toEqual([
      `\`${deprecated}\` is deprecated. Use \`${aggregate}\` instead.`,
      '`organization` is deprecated. Use `organizationId` instead.',
      '`property` is deprecated. Use `propertyId` instead.',
    ]);
    expect(JSON.stringify(current.value.rules)).toBe(JSON.stringify(old.value.rules));
    const rule = current.value.rules.find(({ name }) => name === 'own');
    expect(rule?.labels).toEqual({ mean: 'kept' });
    expect(rule?.source).toMatchObject({ groupBy: ['organization', 'property', 'service'] });
  });

  it('accept every aggregate in camel case', () => {
    for (const name of Object.keys(AGGREGATES)) {
      const preferred = TERMS.find(({ internal }) => internal === name)?.name ?? name;
      const text = `rules:\n  - name: own\n    measure: { aggregate: ${preferred} }\n    thresholds: { warning: 1 }`;
      expect(getProblems(() => loadRules(text))).not.toMatch(/`aggregate` cannot be/);
    }
  });

  it('report problems at their positions, with the names for users', () => {
    const text =
      'rules:\n  - name: own\n    measure: { aggregate: avarage }\n    thresholds: { warning: 1 }';
    expect(getProblems(() => loadRules(text))).toContain(
      'rules.yaml:3:27: `aggregate` cannot be `avarage`; did you mean `average`?',
    );
    const missing = createRule({
      aggregate: 'uptime',
      organization: 'organizationId',
      property: 'propertyId',
    });
    expect(getProblems(() => loadRules(missing))).toMatch(/rules\.yaml:7:17: .*`organizationId`/);
  });
});

it('accepts both names in notification files', () => {
  const load = (organization: string, property: string) =>
    collectDeprecatedNames(() =>
      loadNotificationConfig('UTC', {
        name: 'notify.yaml',
        text: `people: [{ name: ann, role: VIEWER, ${organization}: anna }]
route: { routes: [{ ${organization}: anna, ${property}: north, matchers: ['organizationId="anna"'] }] }`,
      }),
    );
  const current = load('organizationId', 'propertyId');
  const old = load('organization', 'property');
  expect(current.notices).toEqual([]);
  expect(old.notices).toHaveLength(2);
  expect(JSON.stringify(current.value)).toBe(JSON.stringify(old.value));
  expect(current.value.people[0]?.organization).toBe('anna');
  const [matcher] = current.value.route.routes[0]?.matchers ?? [];
  expect(matcher?.matches({ organization: 'anna' })).toBe(true);
});

it('accepts both names in business rules', () => {
  const load = (fact: string, organization: string) =>
    collectDeprecatedNames(() =>
      loadBusinessRules(
        {
          name: 'business.yaml',
          text: `rules:
  - name: price
    setting: price
    per: organization
    only: { ${organization}: [anna] }
    when: { any: [{ fact: ${fact}, operator: greaterThan, value: 1 }] }
    value: 2
    default: 1
    limits: { min: 1, max: 2 }`,
        },
        () => {},
      ),
    );
  const current = load('errorRate', 'organizationId');
  const old = load('errorRatio', 'organization');
  expect(current.notices).toEqual([]);
  expect(old.notices).toHaveLength(2);
  expect(current.value.rules).toEqual(old.value.rules);
  expect(current.value.rules[0]).toMatchObject({
    per: 'organization',
    only: { organization: ['anna'] },
  });
});

describe('labels', () => {
  const ruleNamed = (names: { queue: string; organization: string; version: string }) =>
    loadRules(`rules:
  - name: own
    measure: { aggregate: depth, groupBy: [${names.queue}, ${names.organization}, ${names.version}] }
    thresholds: { warning: 1, critical: 9 }
inhibit:
  - name: same
    source: ['alertname="worse"', '${names.queue}!="sms"']
    target: ['alertname="own"']
    equal: [${names.queue}, ${names.organization}, ${names.version}]
maintenance:
  - name: silence
    matchers: ['${names.queue}="mail"', '${names.organization}="anna"', '${names.version}="2"']
notifications: { groupBy: [${names.queue}, ${names.version}] }`).value;
  const alert = (id: string, labels: Record<string, string>) =>
    ({ id, rule: id, state: 'firing', severity: 'critical', labels }) as const;
  const LABELS = { queue: 'mail', organization: 'anna', version: '2' };
  const NAMES = [
    { queue: 'queue', organization: 'organizationId', version: 'version' },
    { queue: 'queueName', organization: 'organization', version: 'serviceVersion' },
    { queue: 'queue_name', organization: 'organization_id', version: 'service_version' },
  ];

  it.each(NAMES)('have the same meaning with the names $queue and $version', (names) => {
    const { inhibit, maintenance, notifications } = ruleNamed(names);
    const own = alert('own', LABELS);
    const findInhibiting = (more: Record<string, string>) => {
      const worse = alert('worse', { ...LABELS, ...more });
      return createInhibitor([own, worse], inhibit)(own)?.by;
    };
    expect(findInhibiting({})).toBe('worse');
    expect(findInhibiting({ queue: 'sms' })).toBeUndefined();
    expect(findInhibiting({ queue: 'other' })).toBeUndefined();
    expect(findInhibiting({ version: '1' })).toBeUndefined();
    expect(findSilenceSuppression(own, maintenance, 0)?.by).toBe('silence');
    expect(toNotificationGroupKey(own, notifications.groupBy)).toBe(
      '{"organization":"anna","queue":"mail","version":"2"}',
    );
  });

  it.each(NAMES)(
    'have the same meaning in annotations with the names $queue and $version',
    (names) => {
      const { rules } = loadRules(`rules:
  - name: own
    measure: { aggregate: depth, groupBy: [${names.queue}, ${names.organization}, ${names.version}] }
    thresholds: { warning: 1 }
    annotations:
      summary: '{{ $labels.${names.organization} }} {{ $labels.${names.queue} }} {{ $labels.${names.version} }}'
`).value;
      const summary = rules.find(({ name }) => name === 'own')?.annotations.summary;
      const data = { rule: 'own', severity: 'warning', value: 1, threshold: 1, labels: LABELS };
      expect(summary?.(data)).toBe('anna mail 2');
    },
  );

  it.each(NAMES)('of SQL rules can also be named $queue and $version', (names) => {
    const { inhibit, maintenance } = ruleNamed(NAMES[0]!);
    const own = alert('own', {
      [names.queue]: 'mail',
      [names.organization]: 'anna',
      [names.version]: '2',
    });
    expect(findSilenceSuppression(own, maintenance, 0)?.by).toBe('silence');
    const other = alert('worse', { ...own.labels, [names.organization]: 'ben' });
    expect(createInhibitor([own, other], inhibit)(own)).toBeUndefined();
  });
});

it('is used in the advice for SQL', () => {
  const { message } = createRejectedSqlError('Invalid column: organizationId', 'SELECT 1');
  expect(message).toContain('In SQL, the name is organization_id.');
});

describe('requests', () => {
  const schema = z.strictObject({
    organizationId: z.array(z.string()).optional(),
    aggregate: z.array(z.enum(['average', 'errorRate', 'p95'])).optional(),
  });
  const parse = (query: string) =>
    collectDeprecatedNames(() => parseQueryString(`/x?${query}`, schema));

  it('accept both names of parameters and values', () => {
    expect(parse('organization=anna&aggregate=mean,error_ratio&aggregate=p95')).toEqual({
      value: { organizationId: ['anna'], aggregate: ['average', 'errorRate', 'p95'] },
      notices: [
        '`organization` is deprecated. Use `organizationId` instead.',
        '`mean` is deprecated. Use `average` instead.',
        '`error_ratio` is deprecated. Use `errorRate` instead.',
      ],
    });
    expect(parse('organizationId=anna&aggregate=average').notices).toEqual([]);
    expect(() => parse('organizationId=anna&organization=ben')).toThrow(
      'organization is another name of organizationId',
    );
  });

  it('accept both names of keys in a body', () => {
    const bodySchema = z.strictObject({ organizationId: z.string() });
    expect(parseBody({ organization: 'anna' }, bodySchema)).toEqual({ organizationId: 'anna' });
    expect(() => parseBody({ organization: 'anna', organizationId: 'ben' }, bodySchema)).toThrow(
      /organization/,
    );
  });
});
