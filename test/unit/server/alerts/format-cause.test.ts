import { describe, expect, it } from 'vitest';
import {
  type BreachAnalysis,
  formatCause,
  type MetricChange,
} from '../../../../src/server/alerts/explanation/format-cause.ts';
import { listRelatedMetrics } from '../../../../src/server/alerts/explanation/related-metrics.ts';
import type { Bottleneck } from '../../../../src/server/bottlenecks/bottleneck.ts';
import { findRule, loadTestRules } from '../../../support/alert-rule-fixtures.ts';

const EMPTY: BreachAnalysis = {
  headline: undefined,
  slowerPart: undefined,
  contributors: [],
  changes: [],
  services: [],
};
const format = (analysis: Partial<BreachAnalysis>) => formatCause({ ...EMPTY, ...analysis });

const p95: MetricChange = {
  metric: 'p95',
  subject: undefined,
  before: 400,
  now: 1240,
  unit: 'ms',
  harmful: 'up',
};
const database: MetricChange = {
  metric: 'database time',
  subject: undefined,
  before: 20,
  now: 240,
  unit: 'ms',
  harmful: 'up',
};
const cpu: MetricChange = {
  metric: 'CPU',
  subject: { dimension: 'host', name: 'web-2' },
  before: 40,
  now: 96,
  unit: '%',
  harmful: 'up',
};

describe('the cause', () => {
  it('lists the changes in one line, largest first', () => {
    expect(format({ headline: p95, changes: [cpu, database] })).toBe(
      'up from 400 ms; database time ×12; CPU up from 40 % to 96 % on web-2',
    );
  });

  it('names the part with the additional time, and its operation', () => {
    const slowerPart = { name: 'database', before: 120, now: 1840, total: 2100 };
    const operation = `SELECT name FROM rooms WHERE ${'x'.repeat(200)}`;
    expect(format({ headline: p95, slowerPart: { ...slowerPart, operation } })).toBe(
      `up from 400 ms; database 1.84 s of 2.1 s per request, up from 120 ms, mostly \`${operation.slice(0, 120)}…\``,
    );
    expect(format({ slowerPart: { ...slowerPart, operation: undefined } })).toBe(
      'database 1.84 s of 2.1 s per request, up from 120 ms',
    );
  });

  it('is left out without evidence', () => {
    expect(format({})).toBeUndefined();
    expect(format({ headline: { ...p95, now: 420 } })).toBeUndefined();
  });

  it('lists the contributors with more than their expected share', () => {
    const contributors = [
      { dimension: 'endpoint', name: 'GET /', share: 0.1, expectedShare: 0.01 },
      { dimension: 'organization', name: 'org-1', share: 0.35, expectedShare: 0.1 },
      { dimension: 'organization', name: 'org-2', share: 0.65, expectedShare: 0.9 },
      { dimension: 'instance', name: 'a', share: 0.5, expectedShare: 0.5 },
      { dimension: 'endpoint', name: 'POST /bookings', share: 0.62, expectedShare: 0.2 },
    ] as const;
    expect(format({ headline: p95, contributors })).toBe(
      'up from 400 ms; 62 % from `POST /bookings`, 35 % from organization `org-1`',
    );
    const [, , , , only] = contributors;
    expect(format({ contributors: [{ ...only, share: 1, expectedShare: 1 }] })).toBe(
      '100 % from `POST /bookings`',
    );
  });

  it('starts with the kinds of errors', () => {
    const contributors = [
      { dimension: 'operation', name: 'GET', share: 0.95, expectedShare: 0.5 },
      { dimension: 'organization', name: 'org-1', share: 0.94, expectedShare: 0.1 },
      { dimension: 'errorType', name: 'timeout', share: 0.08, expectedShare: 0 },
      { dimension: 'errorType', name: 'refused', share: 0.92, expectedShare: 0 },
    ] as const;
    expect(format({ contributors })).toBe(
      '92 % `refused`, 95 % from `GET`, 94 % from organization `org-1`',
    );
  });

  it('names the host whose calls fail or are slow', () => {
    const subject = { dimension: 'endpoint', name: 'payments.example' } as const;
    const failed = { ...other({ metric: 'failed calls to', subject }), before: 0, now: 92 };
    const slow = other({ metric: 'time of calls to', subject, unit: 'ms', now: 400 });
    expect(format({ changes: [{ ...failed, unit: '%' }, slow] })).toBe(
      'failed calls to `payments.example` up from 0 % to 92 %; time of calls to `payments.example` ×4',
    );
  });

  it('lists the services on a host', () => {
    expect(format({ services: ['booking (80 % CPU)', 'billing'] })).toBe(
      'services on this host: booking (80 % CPU), billing',
    );
    const many = Array.from({ length: 21 }, (_, i) => `s${i}`);
    expect(format({ services: many })).toBe(
      'services on this host: s0, s1, s2, s3, s4, and 16 more',
    );
  });

  const other = (more: Partial<MetricChange>): MetricChange => ({
    metric: 'requests',
    subject: undefined,
    before: 100,
    now: 300,
    unit: '1/min',
    harmful: 'up',
    ...more,
  });

  it.each([
    ['a value that tripled', {}, 'requests ×3'],
    ['a harmful drop', { now: 25, harmful: 'down' }, 'requests ×0.25'],
    ['a harmful drop to zero', { now: 0, harmful: 'down' }, 'requests down from 100/min to 0/min'],
    ['no drop that is not harmful', { now: 25 }, undefined],
    ['no rise that is not harmful', { harmful: 'down' }, undefined],
    ['a value that was zero before', { before: 0, now: 40 }, 'requests up from 0/min to 40/min'],
    ['no unchanged value', { now: 110 }, undefined],
    ['no value of zero', { before: 0, now: 0 }, undefined],
    ['no percentage with a small change', { before: 1, now: 4, unit: '%' }, undefined],
    [
      'a percentage with a large change',
      { before: 80, now: 96, unit: '%' },
      'requests up from 80 % to 96 %',
    ],
    ['memory in bytes', { before: 0, now: 4_194_304, unit: 'By' }, 'requests up from 0 B to 4 MiB'],
    ['no NaN', { now: Number.NaN }, undefined],
  ] as const)('shows %s', (_case, more, text) => {
    expect(format({ changes: [other(more)] })).toBe(text);
  });

  it('shows at most three changes, regardless of their order', () => {
    const changes = [2, 3, 4, 5, 6].map((now) => other({ metric: `f${now}`, before: 1, now }));
    expect(format({ changes })).toBe('f6 ×6; f5 ×5; f4 ×4');
    expect(format({ changes: changes.toReversed() })).toBe('f6 ×6; f5 ×5; f4 ×4');
  });
});

it('is never a queue, unless the alert is about the same queue', () => {
  for (const rule of loadTestRules('').rules) {
    const { source } = rule;
    if (source.kind !== 'measure') continue;
    for (const { type = '', filterBy } of listRelatedMetrics(source)) {
      const isAboutQueues = source.groupBy.includes('queue');
      expect(type.startsWith('QUEUE_'), rule.name).toBe(isAboutQueues);
      expect(filterBy.includes('queue'), rule.name).toBe(isAboutQueues);
    }
  }
  const { source } = findRule(loadTestRules(''), 'response-time');
  const names = source.kind === 'measure' && listRelatedMetrics(source).map(({ metric }) => metric);
  expect(names).toEqual([
    'requests',
    'database time',
    'failed calls to',
    'time of calls to',
    'CPU',
  ]);
});

describe('the bottleneck', () => {
  const bottleneck: Bottleneck = {
    part: 'outgoing',
    text: 'Limited by outgoing calls: 80 % of 500 ms, mostly `pay:443`.',
    ...{ requests: 90, duration: 500, time: 400, share: 80, operation: undefined },
  };
  const slowerPart = {
    ...{ name: 'outgoing calls', before: 90, now: 400, total: 500, operation: undefined },
  };

  it('names the part that limits the requests', () => {
    expect(format({ bottleneck })).toBe(
      'limited by outgoing calls: 80 % of 500 ms, mostly `pay:443`',
    );
  });

  it('is omitted if it is unclear, or already the slower part', () => {
    expect(format({ bottleneck: { ...bottleneck, part: 'unclear' } })).toBeUndefined();
    expect(format({ bottleneck, slowerPart })).toBe(
      'outgoing calls 400 ms of 500 ms per request, up from 90 ms',
    );
    const other = format({ bottleneck, slowerPart: { ...slowerPart, name: 'database' } });
    expect(other).toContain(
      'database 400 ms of 500 ms per request, up from 90 ms; limited by outgoing',
    );
  });
});
