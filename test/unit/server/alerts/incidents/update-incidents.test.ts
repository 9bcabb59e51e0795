import { describe, expect, test } from 'vitest';
import { NO_RELATIONS } from '../../../../../src/server/alerts/incidents/alert-subjects.ts';
import type {
  Incident,
  IncidentAlert,
} from '../../../../../src/server/alerts/incidents/incident.ts';
import {
  type IncidentContext,
  updateIncidents,
} from '../../../../../src/server/alerts/incidents/update-incidents.ts';

const MINUTE = 60_000;
const CONTEXT: IncidentContext = { relations: NO_RELATIONS, waitingThreads: new Set() };

function makeAlert(
  id: string,
  labels: Readonly<Record<string, string>>,
  startedMinute: number,
  rule = 'error-rate',
): IncidentAlert {
  const startedMs = startedMinute * MINUTE;
  return { id, rule, labels, startedMs, state: 'firing', severity: 'high', summary: id };
}

/** Applies one list of live alerts after the other. Each entry is a time in minutes and the alerts. */
function replay(
  steps: readonly (readonly [minute: number, alerts: readonly IncidentAlert[]])[],
  context = CONTEXT,
): readonly Incident[] {
  let incidents: readonly Incident[] = [];
  for (const [minute, alerts] of steps)
    incidents = updateIncidents(incidents, alerts, context, minute * MINUTE).incidents;
  return incidents;
}

const toSummary = ({ state, members }: Incident) => [state, members.map(({ id }) => id)];
const BOOKING = makeAlert('a', { service: 'booking', organization: 'grand' }, 0);
const QUEUE = makeAlert('q', { queue: 'mails' }, 1, 'queue-depth');

describe('alerts join', () => {
  test('an incident about the same service, host, queue, version, or called host', () => {
    for (const labels of [
      { service: 'booking' },
      { host: 'web-1' },
      { queue: 'mails' },
      { service: 'booking', version: '2' },
    ] as Readonly<Record<string, string>>[]) {
      const first = makeAlert('a', { ...labels, organization: 'grand' }, 0);
      const second = makeAlert('b', { ...labels, organization: 'city' }, 29, 'other');
      expect(
        replay([
          [0, [first]],
          [29, [first, second]],
        ]).map(toSummary),
      ).toEqual([['open', ['a', 'b']]]);
    }
    const calls = ['shop', 'booking'].map((service, i) =>
      makeAlert(service, { service, endpoint: 'pay.example' }, 20 * i, 'outgoing-errors'),
    );
    expect(replay([[20, calls]])).toHaveLength(1);
  });

  test('only within the time after the last new alert', () => {
    const second = makeAlert('b', { service: 'booking' }, 30, 'slow');
    const third = makeAlert('c', { service: 'booking' }, 61, 'memory');
    const steps = [
      [0, [BOOKING]],
      [30, [BOOKING, second]],
      [61, [BOOKING, second, third]],
    ] as const;
    expect(replay(steps).map(toSummary)).toEqual([
      ['open', ['a', 'b']],
      ['open', ['c']],
    ]);
  });

  test('an incident about the same service at any time if they are about an error budget', () => {
    const labels = { service: 'booking', objective: 'target-error-rate' };
    const budget = makeAlert('b', labels, 70, 'burn-rate-fast');
    const steps = [
      [0, [BOOKING]],
      [70, [BOOKING, budget]],
    ] as const;
    expect(replay(steps).map(toSummary)).toEqual([['open', ['a', 'b']]]);
    // The budget's alert doesn't extend the time for other alerts about earlier problems.
    const other = makeAlert('o', { service: 'shop' }, 70);
    expect(replay([...steps, [70, [BOOKING, budget, other]]])).toHaveLength(2);
  });

  test('through a host or a queue of the service, if one of the alerts is about it', () => {
    const relations = {
      hosts: new Map([
        ['booking', ['web-1']],
        ['search', ['web-1']],
      ]),
      queues: new Map([['booking', ['mails']]]),
    };
    const search = makeAlert('s', { service: 'search' }, 1);
    const host = makeAlert('h', { host: 'web-1' }, 2, 'cpu');
    const context = { ...CONTEXT, relations };
    expect(replay([[2, [BOOKING, search]]], context)).toHaveLength(2);
    expect(replay([[2, [BOOKING, QUEUE]]], context)).toHaveLength(1);
    expect(replay([[2, [BOOKING, search, host]]], context)).toHaveLength(1);
    expect(replay([[2, [QUEUE, host]]], context)).toHaveLength(1);
    expect(replay([[2, [QUEUE, host]]])).toHaveLength(2);
    expect(replay([[2, [BOOKING, QUEUE]]])).toHaveLength(2);
    const late = makeAlert('h', { host: 'web-1' }, 11, 'cpu');
    expect(
      replay(
        [
          [0, [BOOKING]],
          [11, [BOOKING, late]],
        ],
        context,
      ),
    ).toHaveLength(2);
  });

  test('through a tenant only if they start together', () => {
    const near = makeAlert('n', { service: 'shop', organization: 'grand' }, 2);
    const far = makeAlert('f', { service: 'shop', organization: 'grand' }, 3);
    const other = makeAlert('o', { service: 'shop', organization: 'grand', property: 'x' }, 0);
    expect(replay([[3, [BOOKING, near]]])).toHaveLength(1);
    expect(replay([[3, [BOOKING, far]]])).toHaveLength(2);
    expect(replay([[3, [BOOKING, other]]])).toHaveLength(2);
  });

  test('unless they are about another environment', () => {
    const alerts = ['test', 'production'].map((environment) =>
      makeAlert(environment, { service: 'booking', environment }, 0),
    );
    expect(replay([[0, alerts]])).toHaveLength(2);
  });

  test('alerts about Perfscope never join the incident of a service', () => {
    const labels = { service: 'booking', scope: 'perfscope' };
    const alerts = [BOOKING, makeAlert('s', labels, 0, 'spool-growing')];
    const down = makeAlert('d', { scope: 'perfscope' }, 1, 'database-unavailable');
    expect(replay([[1, [...alerts, down]]]).map(toSummary)).toEqual([
      ['open', ['a']],
      ['open', ['s', 'd']],
    ]);
  });
});

test('an alert about an error budget reopens the incident of its service', () => {
  const budget = (startedMinute: number, service = 'booking') =>
    makeAlert('b', { service, objective: 'availability' }, startedMinute, 'burn-rate-medium');
  const steps = [
    [0, [BOOKING]],
    [1, []],
    [6, []],
  ] as const;
  expect(replay([...steps, [20, [budget(20)]]])).toMatchObject([
    { state: 'open', reopenedCount: 1, members: [{ id: 'a' }, { id: 'b' }] },
  ]);
  expect(replay([...steps, [40, [budget(40)]]])).toHaveLength(2);
  expect(replay([...steps, [20, [budget(20, 'shop')]]])).toHaveLength(2);
  const unrelated = makeAlert('u', { service: 'booking' }, 20, 'memory');
  expect(replay([...steps, [20, [unrelated]]])).toHaveLength(2);
});

test('an alert has the summary of its last change', () => {
  const worse: IncidentAlert = { ...BOOKING, severity: 'critical', summary: 'limit: 15 %' };
  const [incident] = replay([
    [0, [BOOKING]],
    [1, [worse]],
    [2, []],
  ]);
  expect(incident?.members).toMatchObject([{ state: 'resolved', summary: 'limit: 15 %' }]);
});

test('a new alert merges the incidents that it links, and the older incident survives', () => {
  const shop = makeAlert('s', { queue: 'mails' }, 1, 'queue-depth');
  const link = makeAlert('l', { service: 'booking', queue: 'mails' }, 2, 'job-failure-rate');
  const steps = [
    [1, [BOOKING, shop]],
    [2, [BOOKING, shop, link]],
  ] as const;
  const [survivor, merged] = replay(steps);
  expect(toSummary(survivor!)).toEqual(['open', ['a', 's', 'l']]);
  expect(merged).toMatchObject({ state: 'merged', mergedInto: survivor!.id, seq: 2 });
  // Messages about the alert continue in the thread in which they started.
  expect(survivor!.members.map(({ threadId }) => threadId)).toEqual([
    survivor!.id,
    merged!.id,
    survivor!.id,
  ]);
  const context = { ...CONTEXT, waitingThreads: new Set([merged!.id]) };
  const [moved] = replay(steps, context);
  expect(new Set(moved!.members.map(({ threadId }) => threadId))).toEqual(new Set([survivor!.id]));
});

test('an incident is resolved five minutes after its last alert', () => {
  const start = [
    [0, [BOOKING]],
    [10, []],
  ] as const;
  expect(replay([...start, [14.9, []]])[0]).toMatchObject({ state: 'open', resolvedMs: undefined });
  const [resolved] = replay([...start, [15, []]]);
  expect(resolved).toMatchObject({ state: 'resolved', resolvedMs: 15 * MINUTE, seq: 3 });
  expect(resolved!.members[0]).toMatchObject({ state: 'resolved', endedMs: 10 * MINUTE });
});

test('the same rule and group reopen an incident within 30 minutes', () => {
  const steps = [
    [0, [BOOKING]],
    [10, []],
    [15, []],
  ] as const;
  const [first] = replay(steps);
  const again = { ...BOOKING, id: 'a2', startedMs: 45 * MINUTE };
  const [reopened, ...others] = replay([...steps, [45, [again]]]);
  expect(others).toEqual([]);
  expect(reopened).toMatchObject({ id: first!.id, state: 'open', reopenedCount: 1 });
  const late = { ...BOOKING, id: 'a2', startedMs: 46 * MINUTE };
  expect(replay([...steps, [46, [late]]])).toHaveLength(2);
  // Another rule of the same service is a new problem.
  expect(replay([...steps, [45, [{ ...again, rule: 'cpu' }]]])).toHaveLength(2);
});

test('parts without a common subject are separated after 15 minutes', () => {
  const link = makeAlert('l', { service: 'booking', queue: 'mails' }, 1, 'job-failure-rate');
  const all = [BOOKING, QUEUE, link];
  const rest = [BOOKING, QUEUE];
  expect(
    replay([
      [1, all],
      [5, rest],
      [19, rest],
    ]).map(toSummary),
  ).toEqual([['open', ['a', 'l', 'q']]]);
  const [first, second, ...others] = replay([
    [1, all],
    [5, rest],
    [20, rest],
  ]);
  expect(others).toEqual([]);
  expect(toSummary(first!)).toEqual(['open', ['a', 'l']]);
  expect(toSummary(second!)).toEqual(['open', ['q']]);
  expect(second).toMatchObject({ splitFrom: first!.id, seq: 1 });
  expect(
    replay([
      [1, all],
      [5, [BOOKING, link]],
      [30, [BOOKING, link]],
    ]),
  ).toHaveLength(1);
});

test('a change of the severity or of the state is a new version of the incident', () => {
  const steps = [
    [0, [BOOKING]],
    [1, [BOOKING]],
    [2, [{ ...BOOKING, state: 'acknowledged' }]],
  ] as const;
  const [incident] = replay(steps);
  expect(incident).toMatchObject({ seq: 2, changedMs: 2 * MINUTE });
});
