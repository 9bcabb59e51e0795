import { expect, test } from 'vitest';
import { parseSettings } from '../../../../../src/core/config/parse-settings.ts';
import { loadAlertRules } from '../../../../../src/server/alerts/rules/load-alert-rules.ts';
import {
  NotificationGate,
  toNotificationGroupKey,
} from '../../../../../src/server/alerts/suppression/notification-gate.ts';
import { makeKnownAlert, NOW } from '../../../../support/notifier-fixtures.ts';

const RULES = loadAlertRules(parseSettings({}).settings);
const ANNA = makeKnownAlert({ labels: { organization: 'anna', service: 'shop' } });
const BERT = makeKnownAlert({ labels: { organization: 'bert', service: 'shop' } });

test('the default group is the incident, also for alerts of several organizations', () => {
  expect(RULES.notifications.groupBy).toEqual(['incident']);
  const keys = [ANNA, BERT].map((alert) => toNotificationGroupKey(alert, ['incident'], 'i1'));
  expect(keys).toEqual([JSON.stringify({ incident: 'i1' }), JSON.stringify({ incident: 'i1' })]);
  // Without an incident, each alert is a group.
  expect(toNotificationGroupKey(ANNA, ['incident'])).toBe(JSON.stringify({ incident: ANNA.id }));
});

test('a group of labels contains only one organization', () => {
  expect([ANNA, BERT].map((alert) => toNotificationGroupKey(alert, ['service'], 'i1'))).toEqual([
    JSON.stringify({ organization: 'anna', service: 'shop' }),
    JSON.stringify({ organization: 'bert', service: 'shop' }),
  ]);
});

test('a thread waits until its first message, and a merge neither loses nor repeats a message', () => {
  const gate = new NotificationGate();
  const threads = new Map([
    [ANNA.id, 'i1'],
    [BERT.id, 'i2'],
  ]);
  const live = [ANNA, BERT];
  const evaluate = (afterMs: number) =>
    gate
      .evaluate(live, RULES, [], NOW + afterMs, new Map(), (id) => threads.get(id))
      .map(({ key, alerts }) => [key, alerts.map(({ id }) => id)]);
  expect(evaluate(0)).toEqual([]);
  expect(gate.waitingIncidents).toEqual(new Set(['i1', 'i2']));
  // The second incident is merged before its first message, so its alert moves to the first thread.
  threads.set(BERT.id, 'i1');
  expect(evaluate(31_000)).toEqual([[JSON.stringify({ incident: 'i1' }), [ANNA.id, BERT.id]]]);
  expect(gate.waitingIncidents).toEqual(new Set());
  expect(evaluate(400_000)).toEqual([]);
});
