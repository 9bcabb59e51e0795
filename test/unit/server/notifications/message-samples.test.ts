import { describe, expect, it } from 'vitest';
import { countSeptets } from '../../../../src/server/notifications/channels/sms.ts';
import {
  makeSampleMessage,
  renderMessage,
  SAMPLE_MESSAGES,
} from '../../../support/sample-messages.ts';

const LINK = 'https://perfscope.hotel.example/alerts/82b309a0abb36381d2697b8f';

describe('title and SMS', () => {
  it.each([
    ['firing', '[CRITICAL] shop: /rooms takes 6.01 s on average (limit: 5 s) · anna/north', LINK],
    [
      'changed',
      '[CRITICAL, not acknowledged] shop: /rooms takes 6.01 s on average (limit: 5 s) · anna/north',
      LINK,
    ],
    [
      'group',
      '[CRITICAL] shop: /rooms takes 6.01 s on average (limit: 5 s), and 2 more alerts · anna/north',
      LINK,
    ],
    [
      'acknowledged',
      '[ACKNOWLEDGED] shop: /rooms takes 6.01 s on average (limit: 5 s) · anna/north',
      LINK,
    ],
    [
      'resolved',
      '[RESOLVED] shop: /rooms takes 310 ms on average (limit: 2 s) · was 6.01 s at worst, lasted 4 min · anna/north',
      undefined,
    ],
    [
      'resolvedWithoutData',
      '[RESOLVED] shop /rooms: response-time ended (no new data) · was 6.01 s at worst, lasted 4 min · anna/north',
      undefined,
    ],
    ['resolvedGroup', '[RESOLVED] shop: 3 alerts, lasted 14 min · anna/north', LINK],
    ['noData', '[HIGH] shop has stopped sending metrics', /\/alerts\/\w+$/],
    ['noDataResolved', '[RESOLVED] shop is sending metrics again · lasted 4 min', /\/alerts\/\w+$/],
    ['digest', '[DIGEST] 4 alerts: 1 high, 2 warning, 1 resolved', /\/alerts\/\w+$/],
    ['summary', '[CRITICAL] 3 more alerts: 1 critical, 2 warning · anna/north', LINK],
    [
      'test',
      '[TEST] [CRITICAL] shop: /rooms takes 6.01 s on average (limit: 5 s) · anna/north',
      LINK,
    ],
  ] as const)('%s', (name, title, link) => {
    const rendered = renderMessage(SAMPLE_MESSAGES[name]);
    expect(rendered.title).toBe(title);
    const sms = title.replaceAll(/[[\]]/g, '').replaceAll('·', '-');
    const suffix = link === undefined ? '' : ` ${link}`;
    if (link instanceof RegExp) expect(rendered.sms).toMatch(link);
    else expect(rendered.sms).toBe(`${sms}${suffix}`);
    expect(rendered.sms.startsWith(sms)).toBe(true);
    expect(countSeptets(rendered.sms)).toBeLessThanOrEqual(160);
  });
});

it('shows the newest and the worst value of an alert that has changed since it fired', () => {
  expect(renderMessage(SAMPLE_MESSAGES.changed).text).toBe(
    [
      '[CRITICAL, not acknowledged] shop: /rooms takes 6.01 s on average (limit: 5 s) · anna/north\n',
      'Not acknowledged yet (escalation level 2).\n',
      'critical: response-time',
      'shop: /rooms takes 6.01 s on average (limit: 5 s)',
      'State: firing',
      'Now: 7.25 s',
      'Worst: 9.1 s',
      'Cause: average ×3.1 (62 % `GET /rooms`)',
      'Organization: anna',
      'Property: north',
      'Service: shop',
      'Endpoint: /rooms',
      'Started: 25 Nov 2026, 09:00:00 CET',
      `View: ${LINK}`,
      'Acknowledge: https://perfscope.hotel.example/links/TOKEN',
      'Silence: https://perfscope.hotel.example/links/TOKEN',
      'Runbook: https://perfscope.hotel.example/runbooks/response-time\n',
    ].join('\n'),
  );
});

it('shows the good value of a resolved alert, and no cause of the bad value', () => {
  const { text, html } = renderMessage(SAMPLE_MESSAGES.resolved);
  const summary =
    'shop: /rooms takes 310 ms on average (limit: 2 s) · was 6.01 s at worst, lasted 4 min';
  expect(text).toBe(
    [
      `[RESOLVED] ${summary} · anna/north\n`,
      'resolved: response-time',
      summary,
      'Organization: anna',
      'Property: north',
      'Service: shop',
      'Endpoint: /rooms',
      'Started: 25 Nov 2026, 09:00:00 CET',
      'Ended: 25 Nov 2026, 09:04:00 CET',
      `View: ${LINK}`,
      'Runbook: https://perfscope.hotel.example/runbooks/response-time\n',
    ].join('\n'),
  );
  expect(html).toContain(`<h3>resolved: response-time</h3><p>${summary}</p>`);
  expect(html).toContain(
    '<a href="https://perfscope.hotel.example/runbooks/response-time">Runbook</a>',
  );
});

it('shows value, endpoint, and tenant in PagerDuty', () => {
  expect(renderMessage(SAMPLE_MESSAGES.firing).pagerduty).toMatchObject({
    event_action: 'trigger',
    payload: {
      summary: '[CRITICAL] shop: /rooms takes 6.01 s on average (limit: 5 s) · anna/north',
      source: 'shop',
      severity: 'critical',
      component: '/rooms',
      group: 'anna/north',
      class: 'response-time',
      custom_details: {
        value: 6010,
        limit: 5000,
        alerts: [{ Cause: 'average ×3.1 (62 % `GET /rooms`)', Endpoint: '/rooms' }],
      },
    },
    links: [
      { text: 'View' },
      { text: 'Acknowledge' },
      { text: 'Silence' },
      { text: 'Runbook', href: 'https://perfscope.hotel.example/runbooks/response-time' },
    ],
  });
  expect(renderMessage(SAMPLE_MESSAGES.resolved).pagerduty).toMatchObject({
    event_action: 'resolve',
  });
});

it('shows the same lines in Slack and Teams', () => {
  const { slack, teams } = renderMessage(SAMPLE_MESSAGES.noDataResolved);
  const lines = [
    'resolved: no-data',
    'shop is sending metrics again · lasted 4 min',
    'Service: shop',
    'Started: 25 Nov 2026, 09:00:00 CET',
    'Ended: 25 Nov 2026, 09:04:00 CET',
  ];
  expect(slack).toMatchObject({
    text: '[RESOLVED] shop is sending metrics again · lasted 4 min',
    blocks: [{ type: 'header' }, { type: 'divider' }, { text: { text: lines.join('\n') } }, {}],
  });
  const { body } = teams as { body: { inlines?: { text: string }[] }[] };
  const texts = body.map(({ inlines = [] }) => inlines.map(({ text }) => text).join(''));
  expect(texts.slice(1, -1)).toEqual(lines);
});

it('hides labels that only rules or machines use', () => {
  const labels = {
    ...{ service: 'shop', scope: 'service', __rule: 'x', team: 'web' },
    ...{ trace: '82b309a0abb36381d2697b8f', job: '0b0f7a3e-4b0c-4b8e-9b6a-0f6c0a1d2e3f' },
  };
  const message = makeSampleMessage('route', [
    { rule: 'cpu', labels, severity: 'high', value: 91 },
  ]);
  const { text } = renderMessage(message);
  expect(text).toContain('\nService: shop\nLabels: team=web\nStarted:');
  expect(text).not.toMatch(/scope=|__rule|trace|job=/);
});

it('shortens a long title but keeps the severity and the tenant', () => {
  const labels = { organization: 'anna', service: 'shop', endpoint: `/${'rooms/'.repeat(60)}` };
  const message = makeSampleMessage('route', [
    { rule: 'response-time', labels, severity: 'high', value: 3000, threshold: 2000 },
  ]);
  const { title, sms } = renderMessage(message);
  expect([title.length, sms.length]).toEqual([140, 160]);
  expect(title).toMatch(/^\[HIGH\] shop: \/rooms\/.*… · anna$/);
  expect(sms).toMatch(/^HIGH shop: \/rooms\/.*\.\.\. - anna$/);
});
