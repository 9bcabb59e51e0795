import { describe, expect, it } from 'vitest';
import type { AlertSummary } from '../../../../src/core/alerts/alert.ts';
import { parseMatcher } from '../../../../src/core/config-files/matcher.ts';
import { findSilenceSuppression } from '../../../../src/server/alerts/suppression/silence.ts';
import {
  createSilence,
  endSilence,
  parseSilenceRows,
  silenceSchema,
} from '../../../../src/server/alerts/suppression/silence-rows.ts';
import { loadTestRules, T0 } from '../../../support/alert-rule-fixtures.ts';

const HOUR = 3_600_000;
const ALERT: AlertSummary = {
  id: 'a1',
  rule: 'error-rate',
  state: 'firing',
  severity: 'high',
  labels: { organization: 'org-1', property: 'p-1', service: 'booking' },
};

describe('matchers', () => {
  it.each([
    ['service="booking"', true],
    ['service=booking', true],
    ['service="book"', false],
    ['service!="book"', true],
    ['service=~"book.*"', true],
    ['service=~"book"', false],
    ['service=~"web|booking"', true],
    ['service!~"web-.*"', true],
    ['alertname="error-rate"', true],
    ['severity=~"high|critical"', true],
    ['queue=""', true],
    ['queue!=""', false],
    ['queue=~".+"', false],
    ['toString=""', true],
  ])('%s: %s', (text, matches) => {
    const entry = silenceSchema.parse({ matchers: [text], duration: '1h', comment: 'c' });
    const { silence } = createSilence(entry, { author: 'ana' }, T0);
    expect(findSilenceSuppression(ALERT, [silence], T0) !== undefined).toBe(matches);
  });

  it('match patterns in linear time', () => {
    const matcher = parseMatcher('service=~"(a+)+$"');
    expect(matcher.matches({ service: `${'a'.repeat(500)}!` })).toBe(false);
  });
});

function silence(input: object, by: { author: string; organization?: string; property?: string }) {
  const entry = silenceSchema.parse({
    matchers: ['service="booking"'],
    comment: 'works',
    ...input,
  });
  return createSilence(entry, by, T0);
}

describe('silences', () => {
  it('apply from the start to the end, and report the author and the comment', () => {
    const { silence: one } = silence(
      { startsAt: '2026-11-02T10:00:00Z', duration: '1h' },
      { author: 'ana' },
    );
    expect(findSilenceSuppression(ALERT, [one], T0)).toBeUndefined();
    expect(findSilenceSuppression(ALERT, [one], T0 + HOUR)).toEqual({
      reason: 'silenced',
      by: one.id,
      detail: 'ana: works',
      untilMs: T0 + 2 * HOUR,
    });
    expect(findSilenceSuppression(ALERT, [one], T0 + 2 * HOUR)).toBeUndefined();
  });

  it.each([
    [{}, true],
    [{ organization: 'org-1' }, true],
    [{ organization: 'org-2' }, false],
    [{ organization: 'org-1', property: 'p-1' }, true],
    [{ organization: 'org-1', property: 'p-2' }, false],
  ])('of the tenant %j match an alert of org-1, p-1: %s', (tenant, matches) => {
    const { silence: one } = silence({ duration: '1h' }, { author: 'ana', ...tenant });
    expect(findSilenceSuppression(ALERT, [one], T0) !== undefined).toBe(matches);
  });

  it('of a tenant never match alerts without a tenant', () => {
    const own = { author: 'ana', organization: 'org-1' };
    const { silence: all } = silence({ matchers: ['service=~".*"'], duration: '1h' }, own);
    expect(
      findSilenceSuppression({ ...ALERT, labels: { service: 'booking' } }, [all], T0),
    ).toBeUndefined();
  });

  it.each([
    [{ matchers: [], duration: '1h' }],
    [{ matchers: ['a'], duration: '1h' }],
    [{ duration: '1h', endsAt: '2026-11-02T10:00:00Z' }],
    [{}],
    [{ startsAt: '2026-11-02T10:00:00Z', endsAt: '2026-11-02T09:00:00Z' }],
    [{ duration: '1h', comment: '' }],
    [{ duration: '1h', organization: 'org-2' }],
    [
      {
        duration: '1h',
        recurrence: { every: 'week', from: '02:00', to: '03:00', timeZone: 'UTC' },
      },
    ],
  ])('are rejected with %j', (input) => {
    const request = { matchers: ['service="booking"'], comment: 'works', ...input };
    expect(silenceSchema.safeParse(request).success).toBe(false);
  });

  it('are parsed from their rows until they end', () => {
    const recurrence = {
      every: 'week',
      days: ['monday'],
      from: '09:00',
      to: '10:00',
      timeZone: 'UTC',
    };
    const created = silence(
      { duration: '1d', recurrence },
      { author: 'ana', organization: 'org-1' },
    );
    const [parsed] = parseSilenceRows([created.row], T0);
    expect(parsed?.seq).toBe(1);
    const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as object;
    expect(plain(parsed?.silence)).toEqual(plain(created.silence));
    expect(findSilenceSuppression(ALERT, [parsed!.silence], T0)).toBeDefined();
    const ended = endSilence(created.silence, 'bo', 1, T0 + HOUR);
    expect(ended.row).toMatchObject({ seq: 2, author: 'bo', endsAt: T0 + HOUR });
    expect(findSilenceSuppression(ALERT, [ended.silence], T0 + HOUR)).toBeUndefined();
    expect(parseSilenceRows([ended.row, created.row], T0 + HOUR)).toEqual([]);
  });

  it('that are defined in a rules file are maintenance windows', () => {
    const { maintenance } = loadTestRules(`maintenance:
  - name: backup
    matchers: ['service=~"book.*"']
    comment: nightly
    organization: org-1
    recurrence: { every: day, from: '10:00', to: '11:00', timeZone: Europe/Berlin }`);
    expect(findSilenceSuppression(ALERT, maintenance, T0)).toEqual({
      reason: 'maintenance',
      by: 'backup',
      detail: 'rules file: nightly',
      untilMs: T0 + HOUR,
    });
    expect(findSilenceSuppression(ALERT, maintenance, T0 - 1)).toBeUndefined();
  });
});
