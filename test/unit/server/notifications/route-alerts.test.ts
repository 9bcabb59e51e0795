import fc from 'fast-check';
import { expect, it } from 'vitest';
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

const PLAN = loadTestPlan(`
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

const pathsOf = (alert: Alert) => findRoutes(alert, PLAN.route).map(({ path }) => path);

it('goes down the tree to the deepest route, and on where a route says so', () => {
  expect(pathsOf(makeKnownAlert())).toEqual(['']);
  expect(pathsOf(makeKnownAlert({ severity: 'critical' }))).toEqual(['1']);
  const labels = { organization: 'o', service: 'web-1' };
  expect(pathsOf(makeKnownAlert({ labels }))).toEqual(['2']);
  expect(pathsOf(makeKnownAlert({ labels, severity: 'critical' }))).toEqual(['1', '2']);
  expect(pathsOf(makeKnownAlert({ labels: { service: 'web-1' } }))).toEqual(['3']);
  expect(pathsOf(makeKnownAlert({ labels: { service: 'web-1', property: 'north' } }))).toEqual([
    '3.1',
  ]);
});

it('tells nothing by a route in its mute times, on the clock of the time zone', () => {
  const route = findRoutes(makeKnownAlert({ labels: { organization: 'o' } }), PLAN.route)[0]!;
  // 22:30 and 06:30 in Vienna in winter.
  expect(findMute(route, Date.UTC(2030, 0, 15, 21, 30))).toEqual({
    by: 'night',
    untilMs: Date.UTC(2030, 0, 16, 5),
  });
  expect(findMute(route, Date.UTC(2030, 0, 16, 5, 30))).toBeUndefined();
});

it('reaches people by their own addresses, of the property concerned only', () => {
  const receiver = PLAN.receivers.get('mail')!;
  const names = (labels: Record<string, string>) =>
    findTargets(receiver, makeKnownAlert({ labels }), PLAN.people).map(({ person }) => person);
  expect(names({ organization: 'o', property: 'north' })).toEqual(['ann']);
  expect(names({ organization: 'o', property: 'south' })).toEqual(['bob']);
  // Nobody manages what is no property's, and whoever has no address is not reached.
  expect(names({ organization: 'o' })).toEqual([]);
  expect(names({})).toEqual([]);
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

it('never tells a manager of another property or organization', () => {
  fc.assert(
    fc.property(alerts, (made) => {
      const all = made.map((each) => makeKnownAlert({ ...each, labels: plain(each.labels) }));
      const routing = routeAlerts(all, { config: PLAN, people: PLAN.people, now: NOW });
      for (const { target, alerts: told } of routing.immediate) {
        const person = PLAN.people.find(({ name }) => name === target.person);
        for (const alert of told) {
          if (target.property) expect(alert.labels.property).toBe(target.property);
          if (!person) continue;
          expect(alert.labels.organization).toBe(person.organization);
          if (person.properties) expect(person.properties).toContain(alert.labels.property);
        }
      }
      // Every alert is told, or a reason is named.
      const reached = new Set(
        routing.immediate.flatMap(({ alerts: told }) => told.map(({ id }) => id)),
      );
      const stopped = new Set(routing.suppressed.map(({ alert }) => alert.id));
      for (const { id } of all) expect(reached.has(id) || stopped.has(id)).toBe(true);
    }),
  );
});

/** What happens to some alerts of one group, step by step. */
const steps = fc.array(
  fc.array(fc.constantFrom('firing', 'acknowledged', 'resolved', 'worse', 'absent'), {
    minLength: 4,
    maxLength: 4,
  }),
  { minLength: 1, maxLength: 8 },
);

it('tells the end of an alert to whom it was told, once, and to nobody else', () => {
  fc.assert(
    fc.property(steps, (rounds) => {
      const threads = new Map<string, NotificationThread>();
      const ids = rounds[0]!.map((_, i) => `x${i}`);
      const over = new Set<string>();
      const fired = new Map<string, Set<string>>();
      const ends = new Map<string, number>();
      const messages = new Set<string>();
      for (const [round, states] of rounds.entries()) {
        const now = NOW + round * 60_000;
        const group = ids.flatMap((id, i) => {
          const state = states[i]!;
          if (state === 'absent' || over.has(id)) return [];
          if (state === 'resolved') over.add(id);
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
        const routing = routeAlerts(group, { config: PLAN, people: PLAN.people, now });
        const telling = { key: 'g', alerts: group };
        const all = [...threads.values()];
        const context = { now, timeZone: 'UTC' };
        const decided = planGroupMessages(telling, routing.immediate, all, REPEAT_MS, context);
        for (const { message, thread } of decided) {
          expect(messages.has(message.id)).toBe(false);
          messages.add(message.id);
          const key = toTargetKey(thread.target);
          threads.set(key, thread);
          for (const { id, state } of message.alerts) {
            if (state === 'resolved') {
              expect(fired.get(key)?.has(id)).toBe(true);
              ends.set(`${key} ${id}`, (ends.get(`${key} ${id}`) ?? 0) + 1);
            } else fired.set(key, (fired.get(key) ?? new Set()).add(id));
          }
        }
        // The same again says nothing new.
        const again = planGroupMessages(
          telling,
          routing.immediate,
          [...threads.values()],
          REPEAT_MS,
          context,
        );
        expect(again).toEqual([]);
      }
      for (const [key, told] of fired) {
        for (const id of told) if (over.has(id)) expect(ends.get(`${key} ${id}`)).toBe(1);
      }
    }),
  );
});

it('tells again what goes on unchanged, after the time for that', () => {
  const alert = makeKnownAlert({ labels: { organization: 'other' } });
  const telling = { key: 'g', alerts: [alert] };
  const { immediate: wanted } = routeAlerts([alert], {
    config: PLAN,
    people: PLAN.people,
    now: NOW,
  });
  const [first] = planGroupMessages(telling, wanted, [], REPEAT_MS, { now: NOW, timeZone: 'UTC' });
  const decide = (now: number) =>
    planGroupMessages(telling, wanted, [first!.thread], REPEAT_MS, { now, timeZone: 'UTC' });
  expect(decide(NOW + REPEAT_MS - 1)).toEqual([]);
  const [again] = decide(NOW + REPEAT_MS);
  expect(again?.message.id).not.toBe(first?.message.id);
  // Another server that decides the same gives it the same id.
  expect(decide(NOW + REPEAT_MS + 5000)[0]?.message.id).toBe(again?.message.id);
});

function plain(from: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(from).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
