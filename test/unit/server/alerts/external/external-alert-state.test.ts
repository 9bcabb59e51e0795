import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MINUTE_MS } from '../../../../../src/core/duration.ts';
import type { Transition } from '../../../../../src/server/alerts/evaluation/alert-transition.ts';
import { toAlert } from '../../../../../src/server/alerts/evaluation/alert-transition.ts';
import { ExternalAlertStore } from '../../../../../src/server/alerts/external/external-alert-store.ts';
import type { PostedAlert } from '../../../../../src/server/alerts/external/parse-posted-alerts.ts';
import { AlertStateStore } from '../../../../../src/server/alerts/state/alert-state-store.ts';
import { T0 } from '../../../../support/alert-rule-fixtures.ts';

const at = (minutes: number) => T0 + minutes * MINUTE_MS;

function makePosted(change: Partial<PostedAlert> = {}): PostedAlert {
  return {
    rule: 'alertmanager:Down',
    labels: { service: 'a' },
    severity: 'critical',
    annotations: { summary: 'a is down' },
    startsMs: undefined,
    endsMs: undefined,
    ...change,
  };
}

/** A store with a clock, and all its transitions. */
function createStore(limits?: { perOrganization: number; perServer: number }) {
  const transitions: Transition[] = [];
  const alertStates = new AlertStateStore((transition) => transitions.push(transition));
  const clock = { now: T0, isRestored: true };
  const warnings: string[] = [];
  const store = new ExternalAlertStore({
    alertStates,
    isRestored: () => clock.isRestored,
    now: () => clock.now,
    log: { info: () => {}, warn: (text) => warnings.push(text), error: () => {} },
    ...(limits && { limits }),
  });
  return {
    ...{ alertStates, store, transitions, warnings, clock },
    states: () => transitions.map(({ state }) => state),
    /** Posts an alert at a time in minutes. */
    post: (minutes: number, change: Partial<PostedAlert> = {}) => {
      clock.now = at(minutes);
      store.receive([makePosted(change)]);
    },
    expire: (minutes: number) => store.expire(at(minutes)),
  };
}

it('resolves an alert without an end 5 minutes after its last refresh', () => {
  const { post, expire, states, transitions } = createStore();
  post(0);
  expire(1);
  post(4);
  expire(8.9);
  expect(states()).toEqual(['firing']);
  expire(9);
  expect(states()).toEqual(['firing', 'resolved']);
  expect(transitions[1]?.cause).toBe('the sender stopped sending the alert');
});

it('resolves an alert whose end is in the past', () => {
  const { post, states, alertStates } = createStore();
  post(0, { startsMs: at(-2), endsMs: at(4) });
  post(1, { startsMs: at(-2), endsMs: at(5) });
  post(2, { startsMs: at(-2), endsMs: at(2) });
  expect(states()).toEqual(['firing', 'resolved']);
  expect(alertStates.groupCount).toBe(0);
});

it('ignores the end of an alert that is not active, and a late end of an earlier alert', () => {
  const { post, states } = createStore();
  post(0, { startsMs: at(-9), endsMs: at(-1) });
  expect(states()).toEqual([]);
  post(5, { startsMs: at(4), endsMs: at(9) });
  post(6, { startsMs: at(-9), endsMs: at(-1) });
  expect(states()).toEqual(['firing']);
});

it('keeps one alert for two servers that send it with different ends', () => {
  const { post, expire, states } = createStore();
  post(0, { endsMs: at(4) });
  post(0.5, { endsMs: at(3) });
  expire(3.5);
  expect(states()).toEqual(['firing']);
  expire(4);
  expect(states()).toEqual(['firing', 'resolved']);
});

it('gives an alert that fires again with the same start another ID', () => {
  const { post, transitions } = createStore();
  post(0, { startsMs: at(-1), endsMs: at(4) });
  post(1, { startsMs: at(-1), endsMs: at(1) });
  post(2, { startsMs: at(-1), endsMs: at(6) });
  expect(transitions.map(({ state, seq }) => `${state} ${seq}`)).toEqual([
    'firing 1',
    'resolved 2',
    'firing 1',
  ]);
  expect(transitions[2]?.id).not.toBe(transitions[0]?.id);
});

it('limits a start in the future to now, and an end to 7 days', () => {
  const { post, expire, states, transitions } = createStore();
  post(0, { startsMs: at(60), endsMs: at(1_000_000) });
  expect(transitions[0]?.startedAt).toBe(at(0));
  expire(7 * 24 * 60);
  expect(states()).toEqual(['firing', 'resolved']);
});

it('updates the texts without a transition, and the stored end in steps', () => {
  const { post, alertStates, transitions } = createStore();
  post(0, { endsMs: at(4) });
  post(1, { endsMs: at(5), annotations: { summary: 'still down' } });
  expect(transitions.length).toBe(1);
  const [live] = [...alertStates.listLive()];
  expect(toAlert(live!.transition, undefined).annotations).toEqual({ summary: 'still down' });
  post(2, { endsMs: at(60) });
  expect(transitions.map(({ seq, endsAt }) => [seq, endsAt])).toEqual([
    [1, at(4)],
    [1, at(60)],
  ]);
});

it('continues after a restart, and gives senders 5 minutes to refresh', () => {
  const before = createStore();
  before.post(0, { startsMs: at(-1), endsMs: at(4) });
  before.post(0, { rule: 'alertmanager:Long', endsMs: at(600) });
  const rows = before.transitions.map((transition) => ({ ...transition }));
  const { alertStates, expire, transitions, post, states } = createStore();
  alertStates.restore(rows, at(30), undefined);
  expire(30);
  expire(34);
  post(34, { startsMs: at(-1), endsMs: at(36) });
  expire(35.5);
  // The row of the current alert is written again with its new end.
  expect(states()).toEqual(['firing']);
  expire(40);
  expect(transitions.map(({ rule, state, seq }) => `${rule} ${state} ${seq}`)).toEqual([
    'alertmanager:Down firing 1',
    'alertmanager:Down resolved 2',
  ]);
  expect(transitions[0]?.id).toBe(rows[0]?.id);
  expect([...alertStates.listLive()].map(({ transition }) => transition.rule)).toEqual([
    'alertmanager:Long',
  ]);
});

it('keeps an acknowledgment while the alert is refreshed', () => {
  const { post, alertStates, states, transitions, clock } = createStore();
  post(0);
  alertStates.acknowledge(transitions[0]!.id, { author: 'ann', comment: 'on it' }, clock.now);
  post(1);
  post(2, { endsMs: at(2) });
  expect(states()).toEqual(['firing', 'acknowledged', 'resolved']);
});

it('rejects alerts beyond the limits, and stores the others', () => {
  const { store, alertStates, warnings } = createStore({ perOrganization: 2, perServer: 3 });
  const makeMany = (organization: string, count: number) =>
    Array.from({ length: count }, (_, i) =>
      makePosted({ labels: { organization, service: `s${i}` } }),
    );
  expect(() => store.receive(makeMany('a', 3))).toThrow(
    '2 active external alerts per organization',
  );
  // Known alerts can still be refreshed and resolved.
  store.receive(makeMany('a', 2));
  store.receive(makeMany('b', 1));
  expect(() => store.receive(makeMany('c', 1))).toThrow('3 active external alerts per server');
  expect([...alertStates.listLive()].length).toBe(3);
  expect(warnings.length).toBe(1);
});

it('rejects alerts until the stored alerts have been read', () => {
  const { post, clock, states } = createStore();
  clock.isRestored = false;
  expect(() => post(0)).toThrow('temporarily');
  expect(states()).toEqual([]);
});

/** A message: time since the last one, and the alert's start and end relative to now, in minutes. */
const message = fc.record({
  step: fc.integer({ min: 0, max: 7 }),
  service: fc.constantFrom('a', 'b'),
  start: fc.option(fc.integer({ min: -20, max: 5 }), { nil: undefined }),
  end: fc.option(fc.integer({ min: -10, max: 10 }), { nil: undefined }),
});

it('creates valid histories for messages in any order', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
      const { post, expire, transitions, alertStates } = createStore();
      let now = 0;
      for (const { step, service, start, end } of messages) {
        now += step;
        expire(now);
        post(now, {
          labels: { service },
          startsMs: start === undefined ? undefined : at(now + start),
          endsMs: end === undefined ? undefined : at(now + end),
        });
        const live = [...alertStates.listLive()];
        const isActive = live.some(({ transition }) => transition.service === service);
        // A message without an end, or with an end in the future, always leaves an active alert.
        if (end === undefined || end > 0) expect(isActive).toBe(true);
        expect(live.length).toBe(alertStates.groupCount);
      }
      for (const history of Map.groupBy(transitions, ({ id }) => id).values()) {
        const states = history.map(({ state }) => state);
        expect(states[0]).toBe('firing');
        expect(states.slice(1).filter((state) => state !== 'firing')).toEqual(
          states.at(-1) === 'resolved' ? ['resolved'] : [],
        );
      }
      expire(now + 11);
      expect(alertStates.groupCount).toBe(0);
    }),
  );
});
