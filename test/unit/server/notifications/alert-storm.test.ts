import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Alert } from '../../../../src/core/alerts/alert.ts';
import { MINUTE_MS } from '../../../../src/core/duration.ts';
import type { AlertSeverity } from '../../../../src/core/schema/enums.ts';
import type { NotificationRow } from '../../../../src/core/schema/tables/notifications-table.ts';
import type { Transition } from '../../../../src/server/alerts/evaluation/alert-transition.ts';
import { NotificationGate } from '../../../../src/server/alerts/suppression/notification-gate.ts';
import type { Message } from '../../../../src/server/notifications/channels/channel.ts';
import { NotificationJournal } from '../../../../src/server/notifications/delivery/notification-journal.ts';
import {
  NotificationRecorder,
  SuppressionRecorder,
} from '../../../../src/server/notifications/delivery/notification-recorder.ts';
import { formatTitle } from '../../../../src/server/notifications/message/message-title.ts';
import { NotificationPlanner } from '../../../../src/server/notifications/planning/notification-planner.ts';
import { NotificationThreadStore } from '../../../../src/server/notifications/planning/notification-thread-store.ts';
import { loadTestRules } from '../../../support/alert-rule-fixtures.ts';
import { loadTestPlan, makeKnownAlert, NOW } from '../../../support/notifier-fixtures.ts';

const EMAIL = '{ kind: email, host: smtp.example, from: "p@hotel.example" }';
const SMS = `{ kind: sms, accountSid: AC${'0'.repeat(32)}, tokenFile: t, from: "+4366412345678" }`;
const CONFIG = loadTestPlan(`
people:
  - { name: ann, role: ADMIN, email: ann@hotel.example, phone: "+436769999999" }
receivers:
  - { name: admins, to: { roles: [ADMIN] }, channels: [${EMAIL}, ${SMS}] }
  - { name: oncall, to: { people: [ann] }, channels: [${EMAIL}, ${SMS}] }
route: { receivers: [admins, oncall] }
`);
const RULES = loadTestRules('');
const STEP_MS = 3000;

interface SentMessage {
  readonly atMs: number;
  readonly kind: string;
  readonly message: Message;
}

/** Runs the gate and the planner on a simulated clock. Each message is delivered at once. */
class Simulation {
  readonly sent: SentMessage[] = [];
  readonly rows: NotificationRow[] = [];
  readonly #gate = new NotificationGate();
  readonly #journal: NotificationJournal;
  readonly #threads: NotificationThreadStore;
  readonly #planner: NotificationPlanner;
  readonly #suppressions: SuppressionRecorder;
  readonly #live = new Map<string, Alert>();
  now = NOW;

  constructor(folder: string, config = CONFIG) {
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    this.#journal = NotificationJournal.open(folder, log);
    this.#threads = new NotificationThreadStore(this.#journal);
    const recorder = new NotificationRecorder({
      add: (_table, rows) => void this.rows.push(...(rows as NotificationRow[])),
      flush: async () => {},
    });
    this.#suppressions = new SuppressionRecorder(recorder);
    this.#planner = new NotificationPlanner({
      journal: this.#journal,
      threads: this.#threads,
      suppressionRecorder: this.#suppressions,
      config: () => config,
      people: () => config.people,
      log,
      alerts: {
        isRestored: true,
        find: (id) => this.#live.get(id),
        getSuppressions: (id) => this.#gate.getSuppressions(id),
        findStored: async () => undefined,
      },
    });
  }

  /** Alerts of one service of a tenant are one incident. */
  readonly #incidents = new Map<string, string>();

  set(alert: Alert): void {
    const { service, organization, property } = alert.labels;
    this.#incidents.set(alert.id, JSON.stringify([service, organization, property]));
    const changed = { ...alert, changedMs: this.now };
    this.#live.set(alert.id, changed);
    if (alert.state !== 'resolved') return;
    this.#live.delete(alert.id);
    const transition = { id: alert.id, state: 'resolved', timestamp: this.now, firedAt: NOW };
    this.#gate.recordTransition(transition as Transition, changed, RULES);
  }

  /** Moves the clock forward. */
  runUntil(endMs: number): void {
    for (; this.now < endMs; this.now += STEP_MS) {
      const { now } = this;
      const live = [...this.#live.values()];
      const breaches = new Map(live.map(({ id }) => [id, now]));
      const getIncident = (id: string) => this.#incidents.get(id);
      for (const group of this.#gate.evaluate(live, RULES, [], now, breaches, getIncident)) {
        this.#deliver(this.#planner.planGroup(group, 4 * 60 * MINUTE_MS, now));
      }
      for (const { alert, suppressions } of this.#gate.listEvaluated()) {
        this.#suppressions.record(alert, 'suppression', suppressions, now);
      }
      this.#deliver(this.#planner.planDue(now));
    }
  }

  #deliver(planned: ReturnType<NotificationPlanner['planDue']>): void {
    for (const { target, message, thread } of planned) {
      if (thread) this.#threads.put(thread);
      const ids = message.alerts.map(({ id }) => id);
      this.#threads.markAttempted(target, message.groupKey, ids);
      this.sent.push({ atMs: this.now, kind: target.kind, message });
      const resolved = message.alerts.filter(({ state }) => state === 'resolved');
      this.#threads.removeAlerts(
        target,
        message.groupKey,
        resolved.map(({ id }) => id),
      );
    }
  }

  list(kind: string): SentMessage[] {
    return this.sent.filter((each) => each.kind === kind);
  }

  async close(): Promise<void> {
    await this.#journal.close();
  }
}

let folder: string;
let simulation: Simulation;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'perfscope-storm-'));
  simulation = new Simulation(folder);
});
afterEach(async () => {
  await simulation.close();
  rmSync(folder, { recursive: true });
});

/** Returns the largest number of messages within any 10 minutes. */
function getPeak(messages: readonly SentMessage[]): number {
  const counts = messages.map(
    ({ atMs }) => messages.filter((m) => m.atMs >= atMs && m.atMs < atMs + 10 * MINUTE_MS).length,
  );
  return Math.max(0, ...counts);
}

/** Rules that don't inhibit each other. */
const RULE_NAMES = ['response-time', 'error-rate', 'database-time', 'job-failure-rate'] as const;

/** Alert `i` of the storm: four rules in three services of three tenants. */
function makeStormAlert(i: number, severity: AlertSeverity, more: Partial<Alert> = {}): Alert {
  return makeKnownAlert({
    id: `s${i}`,
    rule: RULE_NAMES[i % 4]!,
    severity,
    labels: {
      organization: `org-${i % 3}`,
      service: `service-${i % 3}`,
      endpoint: `/e${i}`,
      scope: 'service',
    },
    ...more,
  });
}

describe('36 alerts within 19 minutes', () => {
  const SEVERITIES = ['warning', 'high', 'warning', 'medium', 'warning', 'critical'] as const;
  /** When each critical alert fired, by ID. */
  const firedMs = new Map<string, number>();

  beforeEach(() => {
    firedMs.clear();
    for (let i = 0; i < 36; i++) {
      simulation.runUntil(NOW + (i * 19 * MINUTE_MS) / 36);
      const severity = SEVERITIES[i % 6]!;
      if (severity === 'critical') firedMs.set(`s${i}`, simulation.now);
      simulation.set(makeStormAlert(i, severity));
      // Each third alert recovers after about 90 s.
      if (i >= 3 && i % 3 === 0) {
        simulation.set(makeStormAlert(i - 3, SEVERITIES[(i - 3) % 6]!, { state: 'resolved' }));
      }
    }
    simulation.runUntil(NOW + 60 * MINUTE_MS);
  });

  it('become few messages', () => {
    const emails = simulation.list('email');
    const texts = simulation.list('sms');
    const criticalCount = firedMs.size;
    expect(criticalCount).toBe(6);
    // The limits are 5 emails and 2 SMS per 10 minutes, and each critical alert can add one.
    expect(getPeak(emails)).toBeLessThanOrEqual(5 + criticalCount);
    expect(getPeak(texts)).toBeLessThanOrEqual(2 + criticalCount);
    expect(emails.length).toBeLessThanOrEqual(18);
    expect(texts.length).toBeLessThanOrEqual(12);
  });

  it('mention every alert, even if it ended before the next message of its group', () => {
    const mentioned = new Set(
      simulation.list('email').flatMap(({ message }) => message.alerts.map(({ id }) => id)),
    );
    for (let i = 0; i < 36; i++) expect([i, mentioned.has(`s${i}`)]).toEqual([i, true]);
  });

  it('send each critical alert by email and SMS at once', () => {
    for (const [id, atMs] of firedMs) {
      for (const kind of ['email', 'sms']) {
        const first = simulation
          .list(kind)
          .find(({ message }) => message.alerts.some((alert) => alert.id === id));
        expect([kind, id, first && first.atMs - atMs]).toEqual([kind, id, 0]);
      }
    }
  });

  it('send only high and critical alerts by SMS', () => {
    const severities = simulation
      .list('sms')
      .flatMap(({ message }) => message.alerts.map(({ severity }) => severity));
    expect(new Set(severities)).toEqual(new Set(['high', 'critical']));
  });

  it('record why a message was held back', () => {
    const reasons = new Set(simulation.rows.map(({ reason }) => reason));
    expect(reasons).toContain('recipient_limit');
    expect(reasons).toContain('severity');
  });
});

it('sends one message to a person when one problem raises four alerts', () => {
  for (let i = 0; i < 4; i++) {
    simulation.runUntil(NOW + i * 5000);
    const labels = { service: 'shop', organization: 'anna', property: 'north', scope: `s${i}` };
    simulation.set(makeStormAlert(i, 'warning', { labels }));
  }
  simulation.runUntil(NOW + 4 * MINUTE_MS);
  expect(simulation.sent.map(({ message }) => formatTitle(message))).toEqual([
    expect.stringMatching(
      /^\[WARNING\] shop: [\w-]+ is 1 \(limit: 1\), and 3 more alerts · anna\/north$/,
    ),
  ]);
  // The alerts recover one after the other.
  for (let i = 0; i < 4; i++) {
    const labels = { service: 'shop', organization: 'anna', property: 'north', scope: `s${i}` };
    simulation.set(makeStormAlert(i, 'warning', { labels, state: 'resolved' }));
    simulation.runUntil(NOW + (i + 2) * 7 * MINUTE_MS);
  }
  expect(simulation.sent.slice(1).map(({ message }) => formatTitle(message))).toEqual([
    expect.stringMatching(/^\[RESOLVED\] shop: 4 alerts, lasted 2\d min · anna\/north$/),
  ]);
});

it('combines the critical alerts of many tenants after the first ones', () => {
  for (let i = 0; i < 100; i++) {
    const labels = { organization: `org-${i}`, service: 'shop' };
    simulation.set(makeStormAlert(i, 'critical', { labels }));
  }
  simulation.runUntil(NOW + 2 * MINUTE_MS);
  const texts = simulation.list('sms');
  expect(texts.map(({ message }) => message.alerts.length)).toEqual([...[1, 1, 1, 1, 1, 1, 1], 93]);
  expect(texts.at(-1)!.atMs - NOW).toBeLessThanOrEqual(MINUTE_MS);
  expect(formatTitle(texts.at(-1)!.message)).toBe('[CRITICAL] 93 more alerts: 93 critical');
});
describe('the time of an escalation', () => {
  const PAGER = `{ kind: pagerduty, routingKeyFile: k }`;
  const ESCALATIONS = `
receivers:
  - { name: team, channels: [{ kind: slack, urlFile: u }], recipientLimit: { messages: 1 } }
  - { name: pager, channels: [${PAGER}] }
escalations:
  - { name: soon, levels: [{ after: 10m, receivers: [pager] }] }
digests:
  - { name: hourly, every: 1h }
route:
  receivers: [team]
  escalation: soon
  routes: [{ severity: [warning], digest: hourly }]
`;

  /** Returns the kind and the minute of each message. */
  const listTimes = () =>
    simulation.sent.map(({ atMs, kind, message }) => [
      `${kind} ${message.kind} ${message.alerts.map(({ id }) => id).join()}`,
      Math.round((atMs - NOW) / MINUTE_MS),
    ]);

  beforeEach(async () => {
    await simulation.close();
    simulation = new Simulation(folder, loadTestPlan(ESCALATIONS));
  });

  it('starts when the digest is sent', () => {
    simulation.set(makeStormAlert(1, 'warning'));
    simulation.runUntil(NOW + 80 * MINUTE_MS);
    expect(listTimes()).toEqual([
      ['slack digest s1', 61],
      ['pagerduty escalation s1', 71],
    ]);
  });

  it('starts when the summary with the alert is sent', () => {
    simulation.set(makeStormAlert(1, 'high'));
    simulation.set(makeStormAlert(2, 'high'));
    simulation.runUntil(NOW + 25 * MINUTE_MS);
    expect(listTimes()).toEqual([
      ['slack route s1', 1],
      ['slack summary s2', 11],
      ['pagerduty escalation s1', 11],
      ['pagerduty escalation s2', 21],
    ]);
  });

  it('ends if the alert is resolved before the digest', () => {
    simulation.set(makeStormAlert(1, 'warning'));
    simulation.runUntil(NOW + 5 * MINUTE_MS);
    simulation.set(makeStormAlert(1, 'warning', { state: 'resolved' }));
    simulation.runUntil(NOW + 90 * MINUTE_MS);
    expect(listTimes()).toEqual([['slack digest s1', 61]]);
  });
});
