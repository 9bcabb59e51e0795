import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import {
  admitMessage,
  NEW_RECIPIENT,
  type RecipientState,
  takeSummary,
} from '../../../../src/server/notifications/planning/recipient-limiter.ts';
import { makeMessage, makeMessageAlert } from '../../../support/message-fixtures.ts';
import { NOW } from '../../../support/notifier-fixtures.ts';

const LIMIT = { messages: 3, perMs: 10 * MINUTE_MS };
const TARGET = { receiver: 'r', index: 0, kind: 'email' };
/** Urgent messages, beyond the limit, within one period: 5, and one summary per minute. */
const MAX_URGENT = 5 + 10;

type Severity = 'warning' | 'critical';

/** Sends messages with one alert each, and takes due summaries every 10 s. */
function run(events: readonly { ms: number; id: number; severity: Severity; subject: number }[]) {
  let state: RecipientState = NEW_RECIPIENT;
  const sent: { atMs: number; ids: string[]; kind: 'message' | 'summary' }[] = [];
  let next = 0;
  const sorted = events.toSorted((a, b) => a.ms - b.ms);
  const endMs = NOW + 60 * MINUTE_MS;
  for (let now = NOW; now <= endMs; now += 10_000) {
    const step = takeSummary(state, LIMIT, now);
    state = step.state;
    if (step.alerts.length > 0) {
      sent.push({ atMs: now, ids: step.alerts.map(({ alert }) => alert.id), kind: 'summary' });
    }
    for (; next < sorted.length && NOW + sorted[next]!.ms <= now; next++) {
      const { id, severity, subject } = sorted[next]!;
      const labels = { service: `s${subject}` };
      const message = makeMessage({
        alerts: [makeMessageAlert({ id: `a${id}`, severity, labels })],
      });
      const result = admitMessage(state, { message, target: TARGET }, LIMIT, now);
      state = result.state;
      if (result.isSent) sent.push({ atMs: now, ids: [`a${id}`], kind: 'message' });
    }
  }
  return { sent, state };
}

const storm = fc.array(
  fc.record({
    ms: fc.integer({ min: 0, max: 40 * MINUTE_MS }),
    severity: fc.constantFrom<Severity>('warning', 'critical'),
    subject: fc.integer({ min: 0, max: 30 }),
  }),
  { maxLength: 150 },
);

it('bounds the messages of any storm, and loses no alert', () => {
  fc.assert(
    fc.property(storm, (alerts) => {
      const events = alerts.map((alert, id) => ({ ...alert, id }));
      const { sent, state } = run(events);
      expect(state.held).toEqual({});
      const ids = sent.flatMap((each) => each.ids);
      expect(ids.toSorted()).toEqual(events.map(({ id }) => `a${id}`).toSorted());
      for (const { atMs } of sent) {
        const recent = sent.filter((m) => m.atMs >= atMs && m.atMs < atMs + LIMIT.perMs);
        expect(recent.length).toBeLessThanOrEqual(LIMIT.messages + MAX_URGENT);
      }
    }),
  );
});

it('sends no more than the limit if no alert is critical', () => {
  fc.assert(
    fc.property(storm, (alerts) => {
      const { sent } = run(alerts.map((alert, id) => ({ ...alert, id, severity: 'warning' })));
      for (const { atMs } of sent) {
        const recent = sent.filter((m) => m.atMs >= atMs && m.atMs < atMs + LIMIT.perMs);
        expect(recent.length).toBeLessThanOrEqual(LIMIT.messages);
      }
    }),
  );
});

it('sends the first message about a critical alert at once, but not each time it fires again', () => {
  const makeEvents = (severity: Severity, subject: number, count: number, ms: number) =>
    Array.from({ length: count }, (_, i) => ({
      ms: ms + i * 30_000,
      id: ms + i,
      severity,
      subject,
    }));
  const { sent } = run([
    ...makeEvents('warning', 1, 3, 0),
    ...makeEvents('critical', 2, 4, 2 * MINUTE_MS),
  ]);
  expect(sent.map(({ atMs, kind, ids }) => [(atMs - NOW) / 1000, kind, ids.length])).toEqual([
    ...[0, 30, 60].map((seconds) => [seconds, 'message', 1]),
    [120, 'message', 1],
    [600, 'summary', 3],
  ]);
});

it('combines further critical alerts within a minute', () => {
  const events = Array.from({ length: 20 }, (_, id) => {
    return { ms: 0, id, severity: 'critical' as const, subject: id };
  });
  const { sent } = run(events);
  expect(sent.map(({ atMs, ids }) => [(atMs - NOW) / 1000, ids.length])).toEqual([
    ...Array.from({ length: 8 }, () => [0, 1]),
    [60, 12],
  ]);
});

it('does not keep a message back after the clock was set back', () => {
  let state: RecipientState = NEW_RECIPIENT;
  for (let i = 0; i < 4; i++) {
    const message = makeMessage({ alerts: [makeMessageAlert({ id: `${i}`, severity: 'high' })] });
    state = admitMessage(state, { message, target: TARGET }, LIMIT, NOW).state;
  }
  expect(takeSummary(state, LIMIT, NOW).alerts).toEqual([]);
  expect(takeSummary(state, LIMIT, NOW - 60 * MINUTE_MS).alerts).toHaveLength(1);
});

it('shows a held alert as resolved if it ended in a message that was sent at once', () => {
  const makeAlert = (id: string, state: 'firing' | 'resolved', severity: 'high' | 'critical') =>
    makeMessageAlert({ id, state, severity, labels: { service: id } });
  let state: RecipientState = NEW_RECIPIENT;
  const admit = (...alerts: ReturnType<typeof makeAlert>[]) => {
    const result = admitMessage(
      state,
      { message: makeMessage({ alerts }), target: TARGET },
      LIMIT,
      NOW,
    );
    state = result.state;
    return result.isSent;
  };
  for (const id of ['1', '2', '3']) expect(admit(makeAlert(id, 'firing', 'high'))).toBe(true);
  expect(admit(makeAlert('a', 'firing', 'high'))).toBe(false);
  const isSent = admit(makeAlert('b', 'firing', 'critical'), makeAlert('a', 'resolved', 'high'));
  expect(isSent).toBe(true);
  const { alerts } = takeSummary(state, LIMIT, NOW + LIMIT.perMs);
  expect(alerts.map(({ alert }) => [alert.id, alert.state])).toEqual([['a', 'resolved']]);
});
