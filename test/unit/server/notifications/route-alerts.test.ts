import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Alert } from '../../../../src/core/alerts/alert.ts';
import { planGroupMessages } from '../../../../src/server/notifications/planning/group-messages.ts';
import type { NotificationThread } from '../../../../src/server/notifications/planning/notification-thread-store.ts';
import {
  findTargets,
  toTargetKey,
} from '../../../../src/server/notifications/routing/notification-target.ts';
import {
  findMute,
  findRoutes,
  routeAlerts,
} from '../../../../src/server/notifications/routing/route-alerts.ts';
import { loadTestPlan, makeKnownAlert, NOW } from '../../../support/notifier-fixtures.ts';

const REPEAT_MS = 4 * 3_600_000;

const CONFIG = loadTestPlan(`
people:
  - { name: ann, role: PROPERTY_MGR, organization: o, properties: [north], email: ann@o.example }
  - { name: bob, role: PROPERTY_MGR, organization: o, properties: [south], email: bob@o.example }
  - { name: eve, role: PROPERTY_MGR, organization: other, email: eve@other.example }
  - { name: dee, role: ORG_ADMIN, organization: o }
receivers:
  - { name: a, to: { roles: [PROPERTY_MGR] }, channels: [{ kind: inApp }] }
  - { name: b, to: { roles: [ADMIN] }, channels: [{ kind: inApp }] }
  - name: mail
    to: { roles: [PROPERTY_MGR, ORG_ADMIN] }
    channels: [{ kind: email, host: 127.0.0.1, security: none, from: perfscope@o.example }]
intervals:
  - { name: night, times: [{ every: day, from: "22:00", to: "06:00" }] }
route:
  receivers: [b]
  routes:
    - { severity: [critical], receivers: [a, b], continue: true }
    - { organization: o, receivers: [mail], muteTimes: [night] }
    - matchers: ['service=~"web-.*"']
      routes:
        - { property: north, receivers: [a] }
`);

const getRoutePaths = (alert: Alert) => findRoutes(alert, CONFIG.route).map(({ path }) => path);

it('uses the deepest matching route, and further routes after `continue: true`', () => {
  expect(getRoutePaths(makeKnownAlert())).toEqual(['']);
  expect(getRoutePaths(makeKnownAlert({ severity: 'critical' }))).toEqual(['1']);
  const labels = { organization: 'o', service: 'web-1' };
  expect(getRoutePaths(makeKnownAlert({ labels }))).toEqual(['2']);
  expect(getRoutePaths(makeKnownAlert({ labels, severity: 'critical' }))).toEqual(['1', '2']);
  expect(getRoutePaths(makeKnownAlert({ labels: { service: 'web-1' } }))).toEqual(['3']);
  expect(
    getRoutePaths(makeKnownAlert({ labels: { service: 'web-1', property: 'north' } })),
  ).toEqual(['3.1']);
});

it('mutes a route during its mute times, in the time zone of the file', () => {
  const route = findRoutes(makeKnownAlert({ labels: { organization: 'o' } }), CONFIG.route)[0]!;
  // 22:30 and 06:30 in Vienna in winter.
  expect(findMute(route, Date.UTC(2030, 0, 15, 21, 30))).toEqual({
    by: 'night',
    untilMs: Date.UTC(2030, 0, 16, 5),
  });
  expect(findMute(route, Date.UTC(2030, 0, 16, 5, 30))).toBeUndefined();
});

it('sends only to people of the same property who have an address', () => {
  const receiver = CONFIG.receivers.get('mail')!;
  const findNames = (labels: Record<string, string>) =>
    findTargets(receiver, makeKnownAlert({ labels }), CONFIG.people).map(({ person }) => person);
  expect(findNames({ organization: 'o', property: 'north' })).toEqual(['ann']);
  expect(findNames({ organization: 'o', property: 'south' })).toEqual(['bob']);
  // Alerts without a property are not sent to property managers, and `dee` has no address.
  expect(findNames({ organization: 'o' })).toEqual([]);
  expect(findNames({})).toEqual([]);
});

const labels = fc.record({
  organization: fc.constantFrom('o', 'other'),
  property: fc.option(fc.constantFrom('north', 'south'), { nil: undefined }),
  service: fc.constantFrom('web-1', 'db'),
});
const alerts = fc.array(
  fc.record({ labels, severity: fc.constantFrom('warning' as const, 'critical' as const) }),
  { minLength: 1, maxLength: 12 },
);

it('never sends alerts of another property or organization to a manager', () => {
  fc.assert(
    fc.property(alerts, (inputs) => {
      const all = inputs.map((each) =>
        makeKnownAlert({ ...each, labels: withoutUndefined(each.labels) }),
      );
      const routing = routeAlerts(all, { config: CONFIG, people: CONFIG.people, now: NOW });
      for (const { target, alerts: targetAlerts } of routing.immediate) {
        const person = CONFIG.people.find(({ name }) => name === target.person);
        for (const alert of targetAlerts) {
          if (target.property) expect(alert.labels.property).toBe(target.property);
          if (!person) continue;
          expect(alert.labels.organization).toBe(person.organization);
          if (person.properties) expect(person.properties).toContain(alert.labels.property);
        }
      }
      // Every alert is sent, or has a suppression reason.
      const sent = new Set(routing.immediate.flatMap((each) => each.alerts.map(({ id }) => id)));
      const suppressed = new Set(routing.suppressed.map(({ alert }) => alert.id));
      for (const { id } of all) expect(sent.has(id) || suppressed.has(id)).toBe(true);
    }),
  );
});

/** State changes of the alerts in a group, over several rounds. */
const steps = fc.array(
  fc.array(fc.constantFrom('firing', 'acknowledged', 'resolved', 'worse', 'absent'), {
    minLength: 4,
    maxLength: 4,
  }),
  { minLength: 1, maxLength: 8 },
);

it('sends a resolution once, and only to targets that received the alert', () => {
  fc.assert(
    fc.property(steps, (rounds) => {
      const threads = new Map<string, NotificationThread>();
      const ids = rounds[0]!.map((_, i) => `x${i}`);
      const resolved = new Set<string>();
      const received = new Map<string, Set<string>>();
      const resolutions = new Map<string, number>();
      const messageIds = new Set<string>();
      for (const [round, states] of rounds.entries()) {
        const now = NOW + round * 60_000;
        const group = ids.flatMap((id, i) => {
          const state = states[i]!;
          if (state === 'absent' || resolved.has(id)) return [];
          if (state === 'resolved') resolved.add(id);
          const severity = state === 'worse' ? ('critical' as const) : ('warning' as const);
          const property = i % 2 ? 'north' : 'south';
          return [
            makeKnownAlert({
              id,
              severity,
              labels: { organization: 'o', property },
              state: state === 'worse' ? 'firing' : (state as Alert['state']),
            }),
          ];
        });
        const routing = routeAlerts(group, { config: CONFIG, people: CONFIG.people, now });
        const alertGroup = { key: 'g', alerts: group };
        const all = [...threads.values()];
        const context = { now, timeZone: 'UTC' };
        const planned = planGroupMessages(alertGroup, routing.immediate, all, REPEAT_MS, context);
        for (const thread of planned.threads) threads.set(toTargetKey(thread.target), thread);
        for (const { message, thread } of planned.messages) {
          expect(messageIds.has(message.id)).toBe(false);
          messageIds.add(message.id);
          const key = toTargetKey(thread.target);
          threads.set(key, thread);
          for (const { id, state } of message.alerts) {
            if (state === 'resolved') {
              expect(received.get(key)?.has(id)).toBe(true);
              resolutions.set(`${key} ${id}`, (resolutions.get(`${key} ${id}`) ?? 0) + 1);
            } else received.set(key, (received.get(key) ?? new Set()).add(id));
          }
        }
        // Planning again creates no message, because nothing changed.
        const again = planGroupMessages(
          alertGroup,
          routing.immediate,
          [...threads.values()],
          REPEAT_MS,
          context,
        );
        expect(again).toEqual({ messages: [], threads: [] });
      }
      // A resolved alert was sent, or waits until the other alerts of the group are resolved.
      for (const [key, ids] of received) {
        const waiting = threads.get(key)?.resolved ?? {};
        for (const id of ids) {
          if (!resolved.has(id)) continue;
          expect((resolutions.get(`${key} ${id}`) ?? 0) + (waiting[id] ? 1 : 0)).toBe(1);
        }
      }
    }),
  );
});

describe('SMS', () => {
  const SMS = `kind: sms, accountSid: AC${'0'.repeat(32)}, tokenFile: t, from: "+4366412345678"`;
  const loadSmsPlan = (more: string) =>
    loadTestPlan(`
people: [{ name: ann, role: ADMIN, email: ann@o.example, phone: "+436769999999" }]
receivers:
  - name: a
    to: { people: [ann] }
    channels: [{ ${SMS}${more} }, { kind: email, host: m.example, from: p@o.example }]
  - name: b
    to: { roles: [ADMIN] }
    channels: [{ ${SMS}${more} }]
route: { receivers: [a, b] }
`);
  const routeSeverity = (severity: Alert['severity'], more = '') => {
    const config = loadSmsPlan(more);
    const alert = makeKnownAlert({ severity });
    const routing = routeAlerts([alert], { config, people: config.people, now: NOW });
    return {
      kinds: routing.immediate.map(({ target }) => `${target.receiver} ${target.kind}`),
      reasons: routing.suppressed.map(({ reason, receiver, detail }) => [reason, receiver, detail]),
    };
  };

  it('are sent only for high and critical alerts by default, and the reason is recorded', () => {
    const detail = 'sms: not configured for medium alerts';
    expect(routeSeverity('medium')).toEqual({
      kinds: ['a email'],
      reasons: [
        ['severity', 'a', detail],
        ['severity', 'b', detail],
      ],
    });
    expect(routeSeverity('medium', ', severity: [medium]').reasons).toEqual([]);
    expect(routeSeverity('high', ', severity: [critical]').kinds).toEqual(['a email']);
  });

  it('are sent once to a person in two receivers', () => {
    expect(routeSeverity('critical')).toEqual({ kinds: ['a sms', 'a email'], reasons: [] });
  });

  it('are sent for a test with any severity', () => {
    const { receivers, people } = loadSmsPlan('');
    const targets = findTargets(receivers.get('b')!, makeKnownAlert(), people, true);
    expect(targets.map(({ kind }) => kind)).toEqual(['sms']);
  });
});

it('repeats messages about unchanged alerts after the repeat interval', () => {
  const alert = makeKnownAlert({ labels: { organization: 'other' } });
  const alertGroup = { key: 'g', alerts: [alert] };
  const { immediate: routed } = routeAlerts([alert], {
    config: CONFIG,
    people: CONFIG.people,
    now: NOW,
  });
  const [first] = planGroupMessages(alertGroup, routed, [], REPEAT_MS, {
    now: NOW,
    timeZone: 'UTC',
  }).messages;
  const planAt = (now: number) =>
    planGroupMessages(alertGroup, routed, [first!.thread], REPEAT_MS, { now, timeZone: 'UTC' })
      .messages;
  expect(planAt(NOW + REPEAT_MS - 1)).toEqual([]);
  const [again] = planAt(NOW + REPEAT_MS);
  expect(again?.message.id).not.toBe(first?.message.id);
  // Another server that plans the same message creates the same ID.
  expect(planAt(NOW + REPEAT_MS + 5000)[0]?.message.id).toBe(again?.message.id);
});

function withoutUndefined(labels: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
