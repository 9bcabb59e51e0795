import type { Alert } from '../../src/core/alerts/alert.ts';
import { MINUTE_MS } from '../../src/core/duration.ts';
import type { AlertSeverity } from '../../src/core/schema/enums.ts';
import type { AlertState } from '../../src/core/schema/tables/alerts-table.ts';
import {
  createFirstTransition,
  createNextTransition,
  toNotifiedAlert,
} from '../../src/server/alerts/evaluation/alert-transition.ts';
import type { Message } from '../../src/server/notifications/channels/channel.ts';
import { formatHtml, formatPlainText } from '../../src/server/notifications/channels/email.ts';
import { toPagerdutyEvent } from '../../src/server/notifications/channels/pagerduty.ts';
import { toSlackPayload } from '../../src/server/notifications/channels/slack.ts';
import { formatSms } from '../../src/server/notifications/channels/sms.ts';
import { toAdaptiveCard } from '../../src/server/notifications/channels/teams.ts';
import { toMessageContent } from '../../src/server/notifications/message/message-content.ts';
import { createMessageLinker } from '../../src/server/notifications/message/signed-links.ts';
import { createPlannedMessage } from '../../src/server/notifications/planning/group-messages.ts';
import { findRule, loadTestRules } from './alert-rule-fixtures.ts';

const SAMPLE_START_MS = Date.UTC(2026, 10, 25, 8);
const RULES = loadTestRules('');
const TARGET = { receiver: 'ops', index: 0, kind: 'email' };
const LINK_KEY = Buffer.alloc(32);

export interface SampleAlert {
  readonly rule: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly severity: AlertSeverity;
  readonly value?: number;
  readonly threshold?: number;
  readonly newest?: number;
  readonly worst?: number;
  readonly cause?: string;
  readonly state?: AlertState;
  readonly author?: string;
  readonly comment?: string;
  /** Value when the alert is resolved. Undefined: there are no new data. */
  readonly resolvedValue?: number;
  /** Minutes after the start of the samples. */
  readonly firedMinute?: number;
  readonly endedMinute?: number;
}

/** Creates an alert of a built-in rule in the same way as the evaluator. */
function makeSampleAlert(sample: SampleAlert): Alert {
  const { rule: name, labels, severity, value, threshold, newest = value, worst = value } = sample;
  const { state = 'firing', firedMinute = 0, endedMinute = 4, author, comment, cause } = sample;
  const rule = findRule(RULES, name);
  const firedMs = SAMPLE_START_MS + firedMinute * MINUTE_MS;
  const base = { severity, value, threshold, cause, author, comment };
  const first = createFirstTransition(name, labels, firedMs - MINUTE_MS, firedMs, {
    ...base,
    state: 'firing',
  });
  if (state === 'firing') return toNotifiedAlert(first, rule, newest, worst);
  const end = { ...base, state, ...(state === 'resolved' && { value: sample.resolvedValue }) };
  const atMs = SAMPLE_START_MS + endedMinute * MINUTE_MS;
  return toNotifiedAlert(createNextTransition(first, atMs, end), rule, newest, worst);
}

/** Creates a message with links, as a channel receives it. */
export function makeSampleMessage(
  kind: Message['kind'],
  samples: readonly SampleAlert[],
  level = 0,
): Message {
  const context = { kind, level, timeZone: 'Europe/Vienna', now: SAMPLE_START_MS };
  const alerts = samples.map(makeSampleAlert);
  const { message } = createPlannedMessage(
    TARGET,
    '{"service":"shop"}',
    alerts,
    undefined,
    context,
  );
  const url = 'https://perfscope.hotel.example';
  return createMessageLinker(url, LINK_KEY, () => SAMPLE_START_MS)(message);
}

/** Renders a message as each channel sends it. */
export function renderMessage(message: Message) {
  const content = toMessageContent(message, 10);
  return {
    title: content.title,
    text: formatPlainText(content).replaceAll(/\/links\/\S+/g, '/links/TOKEN'),
    html: formatHtml(content).replaceAll(/\/links\/[^"]+/g, '/links/TOKEN'),
    sms: formatSms(message),
    slack: toSlackPayload(content),
    teams: toAdaptiveCard(content),
    pagerduty: toPagerdutyEvent(message, 'KEY'),
  };
}

const SHOP = { organization: 'anna', property: 'north', service: 'shop' };
const ROOMS = { ...SHOP, endpoint: '/rooms' };

const SLOW: SampleAlert = {
  rule: 'response-time',
  labels: ROOMS,
  severity: 'critical',
  value: 6010,
  threshold: 5000,
  cause: 'average ×3.1 (62 % `GET /rooms`)',
};
const SLOW_QUERIES: readonly SampleAlert[] = [
  { rule: 'database-time', labels: SHOP, severity: 'warning', value: 712, threshold: 500 },
  { rule: 'slow-queries', labels: SHOP, severity: 'warning', value: 99.5, threshold: 20 },
];

/** A message of each kind. */
export const SAMPLE_MESSAGES = {
  firing: makeSampleMessage('route', [SLOW]),
  changed: makeSampleMessage('escalation', [{ ...SLOW, newest: 7250, worst: 9100 }], 2),
  group: makeSampleMessage('route', [SLOW, ...SLOW_QUERIES]),
  acknowledged: makeSampleMessage('route', [
    { ...SLOW, state: 'acknowledged', author: 'Ann', comment: 'restarting the pool' },
  ]),
  resolved: makeSampleMessage('route', [
    { ...SLOW, state: 'resolved', threshold: 2000, resolvedValue: 310 },
  ]),
  resolvedWithoutData: makeSampleMessage('route', [
    { ...SLOW, state: 'resolved', threshold: 2000 },
  ]),
  resolvedGroup: makeSampleMessage(
    'route',
    [{ ...SLOW, resolvedValue: 310 }, ...SLOW_QUERIES].map((sample, i) => ({
      ...sample,
      state: 'resolved' as const,
      firedMinute: i,
      endedMinute: 12 + i,
    })),
  ),
  noData: makeSampleMessage('route', [
    { rule: 'no-data', labels: { service: 'shop' }, severity: 'high', cause: 'no data for 5 min' },
  ]),
  noDataResolved: makeSampleMessage('route', [
    { rule: 'no-data', labels: { service: 'shop' }, severity: 'high', state: 'resolved' },
  ]),
  digest: makeSampleMessage('digest', [
    ...SLOW_QUERIES,
    {
      rule: 'queue-depth',
      labels: { queue: 'emails' },
      severity: 'high',
      value: 12_345,
      threshold: 100,
    },
    { ...SLOW, severity: 'warning', state: 'resolved', resolvedValue: 310 },
  ]),
  summary: makeSampleMessage('summary', [SLOW, ...SLOW_QUERIES]),
  test: makeSampleMessage('test', [SLOW]),
} as const;
