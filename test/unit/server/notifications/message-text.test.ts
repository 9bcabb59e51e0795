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

const HOSTILE_TEXTS = [
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
const hostileText = fc
  .array(
    fc.oneof(fc.constantFrom(...HOSTILE_TEXTS), fc.string({ unit: 'binary', maxLength: 20 })),
    {
      maxLength: 8,
    },
  )
  .map((parts) => parts.join(''));
const hostileUrl = fc.oneof(
  fc.constant(undefined),
  hostileText,
  hostileText.map((text) => `https://hotel.example/${text}`),
);
const hostileAlert: fc.Arbitrary<MessageAlert> = fc
  .record({
    rule: hostileText,
    organizationId: hostileText,
    propertyId: hostileText,
    cause: hostileText,
    comment: hostileText,
    author: hostileText,
    runbook: hostileUrl,
    labels: fc.dictionary(hostileText, hostileText, { maxKeys: 3 }),
    annotations: fc.record({ summary: hostileText, description: hostileText }),
    links: fc.record({ view: hostileUrl, acknowledge: hostileUrl, silence: hostileUrl }),
  })
  .map(makeMessageAlert);
const hostileMessage = fc
  .array(hostileAlert, { minLength: 1, maxLength: 3 })
  .map((alerts) => makeMessage({ alerts }));

/** Returns all strings with one of these keys, at any depth. */
function collectTexts(value: unknown, ...keys: string[]): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => collectTexts(item, ...keys));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, item]) =>
    typeof item === 'string' ? (keys.includes(key) ? [item] : []) : collectTexts(item, ...keys),
  );
}

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

describe('hostile text', () => {
  it('adds no tag or attribute to HTML', () => {
    const tags = /^<\/?(?:html|head|body|title|h2|h3|p|em|ul|li|strong|meta|!doctype html)$/;
    fc.assert(
      fc.property(hostileMessage, (message) => {
        const html = formatHtml(toMessageContent(message, 10));
        const found = [...html.matchAll(/<[^>]*>/g)].map(([tag]) => tag);
        for (const tag of found) {
          const isLink = /^<a href="https?:\/\/[^"<>'\s]*">$/.test(tag) || tag === '</a>';
          const isStyled = tag.startsWith('<body style="') || tag === '<meta charset="utf-8">';
          expect([tag, isLink || isStyled || tags.test(tag.slice(0, -1))]).toEqual([tag, true]);
        }
        const text = html.replace(/<[^>]*>/g, '');
        expect(text).not.toMatch(/[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/);
        expect(text.replaceAll('\n', '')).not.toMatch(INVISIBLE);
      }),
    );
  });

  it('adds no mention and breaks no link in Slack', () => {
    fc.assert(
      fc.property(hostileMessage, (message) => {
        const body = toSlackPayload(toMessageContent(message, 10)) as {
          blocks: Record<string, unknown>[];
        };
        const { blocks } = body;
        const textBlocks = blocks.filter(({ type }) => type !== 'context');
        for (const text of [
          ...collectTexts(textBlocks, 'text'),
          ...collectTexts({ ...body, blocks: [] }, 'text'),
        ]) {
          expect(text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
          expect(text.replaceAll('\n', '')).not.toMatch(INVISIBLE);
          expect(text.length).toBeLessThanOrEqual(3000);
        }
        // Only the expected links, with the expected texts.
        for (const text of collectTexts(
          blocks.filter(({ type }) => type === 'context'),
          'text',
        )) {
          expect(text).toMatch(
            /^( |<https?:[^<>|\s]+\|(View|Acknowledge|Silence|Runbook)>( · |$))+$/,
          );
        }
        for (const block of textBlocks) expect(JSON.stringify(block)).not.toContain('mrkdwn');
      }),
    );
  });

  it('is not interpreted as Markdown in an Adaptive Card', () => {
    fc.assert(
      fc.property(hostileMessage, (message) => {
        const card = toAdaptiveCard(toMessageContent(message, 10)) as {
          body: Record<string, unknown>[];
        };
        for (const element of card.body) {
          expect(['RichTextBlock', 'ActionSet']).toContain(element.type);
        }
        expect(JSON.stringify(card)).not.toMatch(/"type":"(TextBlock|FactSet)"/);
        for (const text of collectTexts(card, 'text')) expect(text).not.toMatch(INVISIBLE);
        for (const url of collectTexts(card, 'url'))
          expect(url).toMatch(/^https?:\/\/[^\s"'<>|]+$/);
      }),
    );
  });

  it('adds no line to plain text, and does not change the text direction', () => {
    fc.assert(
      fc.property(hostileMessage, (message) => {
        const text = formatPlainText(toMessageContent(message, 10));
        expect(text.replaceAll('\n', '')).not.toMatch(INVISIBLE);
        expect(text.isWellFormed()).toBe(true);
      }),
    );
  });

  it('fits into one SMS segment', () => {
    fc.assert(
      fc.property(hostileMessage, (message) => {
        const text = formatSms(message);
        const septets = countSeptets(text);
        expect(septets === undefined ? text.length <= 70 : septets <= 160).toBe(true);
        expect(text).not.toMatch(INVISIBLE);
        expect(text.isWellFormed()).toBe(true);
      }),
    );
  });

  it('is converted to the same valid Prometheus labels for any order of labels', () => {
    fc.assert(
      fc.property(hostileAlert, (alert) => {
        const labels = toPrometheusLabels(alert);
        for (const [name, value] of Object.entries(labels)) {
          expect(name).toMatch(/^[a-zA-Z_][a-zA-Z0-9_]*$/);
          expect(value).not.toBe('');
        }
        const reversed = Object.fromEntries(Object.entries(alert.labels).reverse());
        expect(toPrometheusLabels({ ...alert, labels: reversed })).toEqual(labels);
      }),
    );
  });
});

describe('toPrometheusLabels', () => {
  it('prefers built-in labels, and keeps all labels whose converted names are equal', () => {
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

describe('message text', () => {
  it('contains all facts of an alert', () => {
    expect(formatPlainText(toMessageContent(makeMessage(), 10))).toBe(
      [
        '[CRITICAL] shop: /rooms takes 6 s on average (limit: 5 s) · anna/north\n',
        'critical: response-time',
        'shop: /rooms takes 6 s on average (limit: 5 s)',
        'State: firing',
        'Organization: anna',
        'Property: north',
        'Service: shop',
        'Endpoint: /rooms',
        'Started: 25 Nov 2026, 09:01:00 CET',
        'View: https://perfscope.example/alerts/a1',
        'Acknowledge: https://perfscope.example/ack?t=1',
        'Runbook: https://wiki.example/slow\n',
      ].join('\n'),
    );
  });

  it('shows the number of omitted alerts, and marks tests, escalations, and acknowledgments', () => {
    const alerts = [
      makeMessageAlert(),
      makeMessageAlert({ id: 'a2' }),
      makeMessageAlert({ id: 'a3' }),
    ];
    const content = toMessageContent(makeMessage({ alerts, kind: 'escalation', level: 2 }), 2);
    expect([content.title, content.alerts.length, content.omitted]).toEqual([
      '[CRITICAL, not acknowledged] shop: /rooms takes 6 s on average (limit: 5 s), and 2 more alerts · anna/north',
      ...[2, 1],
    ]);
    expect(content.note).toContain('level 2');
    expect(toMessageContent(makeMessage({ kind: 'test' }), 1).title).toMatch(
      /^\[TEST\] \[CRITICAL\]/,
    );
    const acknowledged = makeMessageAlert({
      state: 'acknowledged',
      author: 'Ann',
      comment: 'on it',
    });
    const { title, alerts: contents } = toMessageContent(
      makeMessage({ alerts: [acknowledged] }),
      1,
    );
    expect(title).toMatch(/^\[ACKNOWLEDGED\]/);
    expect(contents[0]!.facts).toContainEqual(['Acknowledged by', 'Ann']);
  });

  it('is short in an SMS, and includes a link if the link fits', () => {
    // A text message has only a title, so it must name the alert.
    expect(formatSms(makeMessage({ kind: 'summary' }))).toBe(formatSms(makeMessage()));
    expect(formatSms(makeMessage())).toBe(
      'CRITICAL shop: /rooms takes 6 s on average (limit: 5 s) - anna/north https://perfscope.example/ack?t=1',
    );
    const summary = 'ü'.repeat(400);
    const long = formatSms(
      makeMessage({ alerts: [makeMessageAlert({ annotations: { summary } })] }),
    );
    expect([long.length, long.endsWith('ü... - anna/north')]).toEqual([160, true]);
    const nonLatin = { summary: 'ж'.repeat(400) };
    expect(
      formatSms(makeMessage({ alerts: [makeMessageAlert({ annotations: nonLatin })] })),
    ).toHaveLength(70);
  });
});

it('never splits a character when it truncates text', () => {
  expect(truncateText('ab🏨', 4, '')).toBe('ab🏨');
  expect(truncateText('ab🏨', 3, '')).toBe('ab');
  expect(toSingleLine('a\u0000\n\tb \u202e c\ud800', 20)).toBe('a b c\ufffd');
});
