import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toPrometheusLabels } from '../../../../src/server/notifications/channels/alertmanager.ts';
import type { MessageAlert } from '../../../../src/server/notifications/channels/channel.ts';
import {
  formatHtml,
  formatPlainText,
} from '../../../../src/server/notifications/channels/email.ts';
import { toSlackPayload } from '../../../../src/server/notifications/channels/slack.ts';
import { countSeptets, formatSms } from '../../../../src/server/notifications/channels/sms.ts';
import { toAdaptiveCard } from '../../../../src/server/notifications/channels/teams.ts';
import { toMessageContent } from '../../../../src/server/notifications/message/message-content.ts';
import {
  toSingleLine,
  truncateText,
} from '../../../../src/server/notifications/message/sanitize-text.ts';
import { makeMessage, makeMessageAlert } from '../../../support/message-fixtures.ts';

const BAD = [
  ...['<script>alert(1)</script>', '<!channel>', '<@U1>', '&lt;', '"><img src=x onerror=1>', "'"],
  ...[
    '*b*',
    '[x](https://evil.example)',
    '<at>all</at>',
    '{{DATE(1)}}',
    '\r\nBcc: x',
    '\u202eevil',
  ],
  ...['\u200b', '\u0000', '\ud800', '`', '|', '🏨', '\u2028', '€^{}', 'javascript:alert(1)'],
];
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...BAD), fc.string({ unit: 'binary', maxLength: 20 })), {
    maxLength: 8,
  })
  .map((parts) => parts.join(''));
const address = fc.oneof(
  fc.constant(undefined),
  hostile,
  hostile.map((text) => `https://hotel.example/${text}`),
);
const hostileAlert: fc.Arbitrary<MessageAlert> = fc
  .record({
    rule: hostile,
    organizationId: hostile,
    propertyId: hostile,
    cause: hostile,
    comment: hostile,
    author: hostile,
    runbook: address,
    labels: fc.dictionary(hostile, hostile, { maxKeys: 3 }),
    annotations: fc.record({ summary: hostile, description: hostile }),
    links: fc.record({ view: address, acknowledge: address, silence: address }),
  })
  .map(makeMessageAlert);
const hostileMessage = fc
  .array(hostileAlert, { minLength: 1, maxLength: 3 })
  .map((alerts) => makeMessage({ alerts }));

/** Every text under one of these keys, wherever it is. */
function textsOf(value: unknown, ...keys: string[]): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => textsOf(item, ...keys));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    typeof item === 'string' ? (keys.includes(key) ? [item] : []) : textsOf(item, ...keys),
  );
}

const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

describe('a hostile name', () => {
  it('is text in HTML: no tag but ours, no attribute that it wrote', () => {
    const tags = /^<\/?(?:html|head|body|title|h2|h3|p|em|ul|li|strong|meta|!doctype html)$/;
    fc.assert(
      fc.property(hostileMessage, (message) => {
        const html = formatHtml(toMessageContent(message, 10));
        const opened = [...html.matchAll(/<[^>]*>/g)].map(([tag]) => tag);
        for (const tag of opened) {
          const link = /^<a href="https?:\/\/[^"<>'\s]*">$/.test(tag) || tag === '</a>';
          const styled = tag.startsWith('<body style="') || tag === '<meta charset="utf-8">';
          expect([tag, link || styled || tags.test(tag.slice(0, -1))]).toEqual([tag, true]);
        }
        const between = html.replace(/<[^>]*>/g, '');
        expect(between).not.toMatch(/[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/);
        expect(between.replaceAll('\n', '')).not.toMatch(UNSEEN);
      }),
    );
  });

  it('calls nobody in Slack, and ends no link', () => {
    fc.assert(
      fc.property(hostileMessage, (message) => {
        const body = toSlackPayload(toMessageContent(message, 10)) as {
          blocks: Record<string, unknown>[];
        };
        const { blocks } = body;
        const names = blocks.filter(({ type }) => type !== 'context');
        for (const text of [
          ...textsOf(names, 'text'),
          ...textsOf({ ...body, blocks: [] }, 'text'),
        ]) {
          expect(text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
          expect(text.replaceAll('\n', '')).not.toMatch(UNSEEN);
          expect(text.length).toBeLessThanOrEqual(3000);
        }
        // A link is ours or it is none.
        for (const text of textsOf(
          blocks.filter(({ type }) => type === 'context'),
          'text',
        )) {
          expect(text).toMatch(
            /^( |<https?:[^<>|\s]+\|(View|Acknowledge|Silence|Runbook)>( · |$))+$/,
          );
        }
        for (const block of names) expect(JSON.stringify(block)).not.toContain('mrkdwn');
      }),
    );
  });

  it('is never Markdown in a card', () => {
    fc.assert(
      fc.property(hostileMessage, (message) => {
        const card = toAdaptiveCard(toMessageContent(message, 10)) as {
          body: Record<string, unknown>[];
        };
        for (const element of card.body) {
          expect(['RichTextBlock', 'ActionSet']).toContain(element.type);
        }
        expect(JSON.stringify(card)).not.toMatch(/"type":"(TextBlock|FactSet)"/);
        for (const text of textsOf(card, 'text')) expect(text).not.toMatch(UNSEEN);
        for (const url of textsOf(card, 'url')) expect(url).toMatch(/^https?:\/\/[^\s"'<>|]+$/);
      }),
    );
  });

  it('begins no line in plain text, and turns none round', () => {
    fc.assert(
      fc.property(hostileMessage, (message) => {
        const text = formatPlainText(toMessageContent(message, 10));
        expect(text.replaceAll('\n', '')).not.toMatch(UNSEEN);
        expect(text.isWellFormed()).toBe(true);
      }),
    );
  });

  it('fits into two segments of an SMS', () => {
    fc.assert(
      fc.property(hostileMessage, (message) => {
        const text = formatSms(message);
        const septets = countSeptets(text);
        expect(septets === undefined ? text.length <= 134 : septets <= 306).toBe(true);
        expect(text).not.toMatch(UNSEEN);
        expect(text.isWellFormed()).toBe(true);
      }),
    );
  });

  it('has a place among labels of Prometheus’ form, the same whoever sends it', () => {
    fc.assert(
      fc.property(hostileAlert, (alert) => {
        const labels = toPrometheusLabels(alert);
        for (const [name, value] of Object.entries(labels)) {
          expect(name).toMatch(/^[a-zA-Z_][a-zA-Z0-9_]*$/);
          expect(value).not.toBe('');
        }
        const turned = Object.fromEntries(Object.entries(alert.labels).reverse());
        expect(toPrometheusLabels({ ...alert, labels: turned })).toEqual(labels);
      }),
    );
  });
});

describe('labels', () => {
  it('keep ours before the rule’s own, and all that become the same name', () => {
    const labels = { alertname: 'x', severity: 'low', 'a.b': '1', a_b: '2', service: 'shop' };
    expect(toPrometheusLabels(makeMessageAlert({ labels, propertyId: undefined }))).toEqual({
      alertname: 'response-time',
      severity: 'critical',
      organization: 'anna',
      a_b: '1',
      a_b_2: '2',
      service: 'shop',
    });
  });
});

describe('a message', () => {
  it('says what there is', () => {
    expect(formatPlainText(toMessageContent(makeMessage(), 10))).toBe(
      [
        '[FIRING] critical: response-time, north\n',
        'critical: response-time',
        '/rooms of shop takes 6 s on average (limit 5 s)',
        'State: firing',
        'Organization: anna',
        'Property: north',
        'Started: 25 Nov 2026, 09:01:00 CET',
        'Labels: service=shop, endpoint=/rooms',
        'View: https://perfscope.example/alerts/a1',
        'Acknowledge: https://perfscope.example/ack?t=1',
        'Runbook: https://wiki.example/slow\n',
      ].join('\n'),
    );
  });

  it('says how many more there are, and that it is a test or an escalation', () => {
    const alerts = [
      makeMessageAlert(),
      makeMessageAlert({ id: 'a2' }),
      makeMessageAlert({ id: 'a3' }),
    ];
    const told = toMessageContent(makeMessage({ alerts, kind: 'escalation', level: 2 }), 2);
    expect([told.title, told.alerts.length, told.omitted]).toEqual([
      '[FIRING:3] critical: response-time, north',
      ...[2, 1],
    ]);
    expect(told.note).toContain('level 2');
    expect(toMessageContent(makeMessage({ kind: 'test' }), 1).title).toMatch(
      /^\[TEST\] \[FIRING\]/,
    );
    const taken = makeMessageAlert({ state: 'acknowledged', author: 'Ann', comment: 'on it' });
    const { title, alerts: lines } = toMessageContent(makeMessage({ alerts: [taken] }), 1);
    expect(title).toMatch(/^\[ACKNOWLEDGED\]/);
    expect(lines[0]!.facts).toContainEqual(['Acknowledged by', 'Ann']);
  });

  it('is short as an SMS, with a link when there is room', () => {
    expect(formatSms(makeMessage())).toBe(
      'FIRING critical: response-time, north /rooms of shop takes 6 s on average (limit 5 s) https://perfscope.example/ack?t=1',
    );
    const summary = 'ü'.repeat(400);
    const long = formatSms(
      makeMessage({ alerts: [makeMessageAlert({ annotations: { summary } })] }),
    );
    expect([long.length, long.endsWith('ü...'), countSeptets(long)]).toEqual([306, true, 306]);
    const foreign = { summary: 'ж'.repeat(400) };
    expect(
      formatSms(makeMessage({ alerts: [makeMessageAlert({ annotations: foreign })] })),
    ).toHaveLength(134);
  });
});

it('a cut never leaves half a character', () => {
  expect(truncateText('ab🏨', 4, '')).toBe('ab🏨');
  expect(truncateText('ab🏨', 3, '')).toBe('ab');
  expect(toSingleLine('a\u0000\n\tb \u202e c\ud800', 20)).toBe('a b c\ufffd');
});
