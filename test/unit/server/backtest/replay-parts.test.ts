import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../src/core/duration.ts';
import {
  findStoredPeriods,
  isEvaluated,
} from '../../../../src/server/backtest/replay/data-gaps.ts';
import {
  NotificationReplay,
  type ReplayedMessage,
} from '../../../../src/server/backtest/replay/notification-replay.ts';
import { adaptRule, planReplayGrid } from '../../../../src/server/backtest/replay/replay-grid.ts';
import {
  ReplayRun,
  type StoredAcknowledgment,
} from '../../../../src/server/backtest/replay/replay-run.ts';
import { RuleReplay } from '../../../../src/server/backtest/replay/rule-replay.ts';
import { toAlertSpans } from '../../../../src/server/backtest/report/alert-spans.ts';
import { createRuleReport } from '../../../../src/server/backtest/report/rule-report.ts';
import { describeLimits } from '../../../../src/server/backtest/service/stored-alerts.ts';
import { GroupStore } from '../../../../src/server/backtest/sources/group-store.ts';
import { CellSeries } from '../../../../src/server/backtest/windows/cell-series.ts';
import { SlidingSums } from '../../../../src/server/backtest/windows/sliding-sums.ts';
import { loadNotificationConfig } from '../../../../src/server/notifications/config/load-notification-config.ts';
import { parseTimestamp } from '../../../../src/storage/questdb/postgres-wire-reader.ts';
import { findRule, loadTestRules, makeRule, T0 } from '../../../support/alert-rule-fixtures.ts';

describe('the grid', () => {
  const range = { fromMs: T0, toMs: T0 + DAY_MS };
  const table = (unitMs: number, fromMs: number) => ({
    name: `t${unitMs}`,
    unitMs,
    fromMs,
    untilMs: T0 + DAY_MS,
  });

  it('uses the requested step while the rows are stored', () => {
    const grid = planReplayGrid(range, 30_000, 0, [[table(0, Number.NEGATIVE_INFINITY)]]);
    expect(grid).toMatchObject({ stepMs: 30_000, notes: [] });
    expect(adaptRule(makeRule('thresholds: { warning: 1 }'), grid).notes).toEqual([]);
  });

  it('states the precision that only roll-ups per hour allow', () => {
    const stored = [table(0, T0 + DAY_MS), table(HOUR_MS, T0 - DAY_MS)];
    const grid = planReplayGrid(range, MINUTE_MS, 0, [stored]);
    expect(grid.stepMs).toBe(HOUR_MS);
    expect(grid.notes.join(' ')).toContain('The step is 1 h instead of 1 min');
    const { rule, notes } = adaptRule(makeRule('thresholds: { warning: 1 }'), grid);
    expect(rule.source).toMatchObject({ windowMs: HOUR_MS });
    expect(notes.join(' ')).toContain('its window is 1 h instead of 5 min');
  });

  it('states which part of a long step is not evaluated', () => {
    const grid = planReplayGrid(range, 10 * MINUTE_MS, 0, [[table(0, Number.NEGATIVE_INFINITY)]]);
    const { notes } = adaptRule(makeRule('thresholds: { warning: 1 }'), grid);
    expect(notes.join(' ')).toContain('shorter than the step');
  });
});

describe('gaps', () => {
  const minutes = (list: readonly number[]) => list.map((minute) => T0 + minute * MINUTE_MS);
  const range = { fromMs: T0, toMs: T0 + 60 * MINUTE_MS };

  it('are at least five minutes without any row', () => {
    const periods = findStoredPeriods(minutes([2, 3, 7, 20, 58, 59]), MINUTE_MS, range);
    expect(periods).toEqual({
      firstMs: T0 + 2 * MINUTE_MS,
      gaps: [
        { fromMs: T0 + 8 * MINUTE_MS, toMs: T0 + 20 * MINUTE_MS },
        { fromMs: T0 + 21 * MINUTE_MS, toMs: T0 + 58 * MINUTE_MS },
      ],
    });
    expect([1, 2, 3, 8, 9, 20, 21].map((m) => isEvaluated(periods, T0 + m * MINUTE_MS))).toEqual([
      false,
      false,
      true,
      true,
      false,
      false,
      true,
    ]);
  });

  it('cover everything if nothing is stored', () => {
    const periods = findStoredPeriods([], MINUTE_MS, range);
    expect(isEvaluated(periods, T0 + MINUTE_MS)).toBe(false);
  });
});

describe('a run', () => {
  const set = loadTestRules(`interval: 1m
notifications: { groupBy: [service], groupWait: 0s, groupInterval: 1m }
rules:
  - name: r
    measure: { type: API_RESPONSE_TIME, aggregate: mean, groupBy: [service], window: 5m }
    thresholds: { high: 100 }`);
  const anna = {
    name: 'anna',
    role: 'ADMIN',
    email: 'anna@example.com',
    phone: '+4312345678',
  } as never;

  interface RunOptions {
    readonly silences?: readonly object[];
    readonly acknowledgments?: readonly StoredAcknowledgment[];
    /** Text of the notification file. */
    readonly notify?: string;
  }

  async function run(values: readonly number[], options: RunOptions = {}) {
    const { silences = [], acknowledgments = [], notify } = options;
    const rule = findRule(set, 'r');
    const file = notify === undefined ? undefined : { name: 'notify.yaml', text: notify };
    const config = loadNotificationConfig('utc', file);
    const notifications = new NotificationReplay({
      ruleSet: set,
      silences: silences as never,
      config,
      people: [anna],
    });
    let step = 0;
    const labels = { service: 'booking' };
    const source = {
      precision: [],
      observe: (now: number) => [
        { labels, value: values[step++]!, count: 10, newestMs: now - 1000 },
      ],
    };
    const replayed = { replay: new RuleReplay(rule), source, transitions: [] };
    const replay = new ReplayRun([{ rules: [replayed], notifications }], acknowledgments);
    for (const [i] of values.entries()) await replay.step(T0 + i * MINUTE_MS);
    return { messages: notifications.messages, transitions: replayed.transitions };
  }

  it('counts the messages about an alert and about its end', async () => {
    const { messages, transitions } = await run([1, 200, 200, 200, 1, 1, 1]);
    expect(
      messages.map(({ atMs, isResolution }) => [(atMs - T0) / MINUTE_MS, isResolution]),
    ).toEqual(messages.map(({ atMs }, i) => [(atMs - T0) / MINUTE_MS, i >= messages.length / 2]));
    expect(messages.length).toBeGreaterThanOrEqual(2);
    const range = { fromMs: T0, toMs: T0 + HOUR_MS };
    const report = createRuleReport('r', toAlertSpans(transitions), messages, range, 'utc');
    expect(report).toMatchObject({
      fired: 1,
      stillFiring: 0,
      firingMs: 3 * MINUTE_MS,
      medianMs: 3 * MINUTE_MS,
      severities: { high: 1 },
      messages: messages.length,
      nightMessages: 0,
    });
    // T0 is 09:00 UTC.
    expect(report.hours[9]).toBe(messages.length);
    const night = createRuleReport(
      'r',
      toAlertSpans(transitions),
      messages,
      range,
      'America/New_York',
    );
    expect(night.nightMessages).toBe(messages.length);
  });

  it('sends nothing during a silence', async () => {
    const silence = {
      id: 's',
      kind: 'silenced',
      matchers: [],
      startsMs: T0,
      endsMs: T0 + HOUR_MS,
      recurrence: undefined,
      author: 'anna',
      comment: '',
      organization: undefined,
      property: undefined,
    };
    const { messages, transitions } = await run([1, 200, 200, 1], { silences: [silence] });
    expect(transitions.length).toBeGreaterThan(0);
    expect(messages).toEqual([]);
  });

  const toSummary = ({ atMs, target, isResolution }: ReplayedMessage) =>
    [(atMs - T0) / MINUTE_MS, target.receiver, isResolution ? 'resolved' : 'firing'].join(' ');
  const RECEIVERS = `receivers:
  - { name: oncall, to: { roles: [ADMIN] }, channels: [{ kind: inApp }] }
  - { name: boss, to: { roles: [ADMIN] }, channels: [{ kind: inApp }] }
`;

  it('stops the escalation when a person acknowledged the stored alert of the group', async () => {
    const notify = `${RECEIVERS}escalations: [{ name: e, levels: [{ after: 5m, receivers: [boss] }] }]
route: { receivers: [oncall], escalation: e }
`;
    const values = [1, ...Array<number>(9).fill(200)];
    const unacknowledged = await run(values, { notify });
    expect(unacknowledged.messages.map(toSummary)).toEqual(['1 oncall firing', '6 boss firing']);
    const by = { rule: 'r', author: 'anna', comment: 'mine' };
    const labels = JSON.stringify({ service: 'booking' });
    const atMs = T0 + 3.5 * MINUTE_MS;
    const acknowledged = await run(values, { notify, acknowledgments: [{ ...by, labels, atMs }] });
    // The receiver also gets a message about the acknowledgment.
    expect(acknowledged.messages.map(toSummary)).toEqual(['1 oncall firing', '4 oncall firing']);
    expect(acknowledged.transitions.at(-1)).toMatchObject({
      state: 'acknowledged',
      author: 'anna',
      timestamp: T0 + 4 * MINUTE_MS,
    });
    // An acknowledgment of another group has no effect.
    const other = { ...by, labels: JSON.stringify({ service: 'billing' }), atMs };
    const { messages } = await run(values, { notify, acknowledgments: [other] });
    expect(messages).toHaveLength(2);
  });

  it('collects messages for a digest, and sends them when the digest is due', async () => {
    const notify = `${RECEIVERS}digests: [{ name: d, every: 10m }]
route: { receivers: [oncall], digest: d }
`;
    const values = [1, 200, 200, 1, 1, ...Array<number>(12).fill(200)];
    const { messages, transitions } = await run(values, { notify });
    expect(transitions.map(({ state }) => state)).toEqual(['firing', 'resolved', 'firing']);
    expect(messages.map(({ atMs }) => (atMs - T0) / MINUTE_MS)).toEqual([11]);
    expect(messages[0]?.rules).toEqual(['r']);
  });
});

it('reports that only a part of the stored alerts and messages was read', () => {
  expect(describeLimits(9999, 49_999)).toEqual([]);
  expect(describeLimits(10_000, 50_000)).toEqual([
    expect.stringContaining('newest 10,000 stored alert changes'),
    expect.stringContaining('newest 50,000 stored messages'),
  ]);
});

it('rejects rules with more groups than live evaluation accepts', () => {
  const store = new GroupStore(() => new CellSeries());
  for (let i = 0; i < 10_000; i++) store.getOrAdd(String(i), () => ({ service: String(i) }));
  expect(store.groups.size).toBe(10_000);
  expect(store.getOrAdd('one more', () => ({}))).toBeUndefined();
  expect(() => store.groups).toThrow(/too large/);
});

it('keeps sums precise after a huge value has left the window', () => {
  const series = new CellSeries();
  const window = new SlidingSums(series, 2 * MINUTE_MS);
  const add = (minute: number, sum: number) =>
    series.add(T0 + minute * MINUTE_MS, {
      count: 1,
      errorCount: 0,
      sum,
      valueCount: 0,
      valueSum: 0,
      min: sum,
      max: sum,
      last: sum,
      newestMs: T0,
      oldestMs: T0,
    });
  add(0, 1e18);
  add(1, 0.1);
  window.advance(T0 + 2 * MINUTE_MS);
  expect(window.max).toBe(1e18);
  add(2, 0.2);
  window.advance(T0 + 3 * MINUTE_MS);
  expect(window.sum).toBeCloseTo(0.3, 12);
  expect([window.min, window.max]).toEqual([0.1, 0.2]);
});

it('parses timestamps of QuestDB like Date', () => {
  for (const text of [
    '2026-11-02 09:00:00.123456',
    '1969-12-31 23:59:59.999000',
    '2024-02-29 00:00:00.000000',
  ]) {
    expect(parseTimestamp(text)).toEqual(new Date(`${text.replace(' ', 'T')}Z`));
  }
  expect(parseTimestamp('2026-11-02 09:00:00')).toEqual(new Date('2026-11-02T09:00:00Z'));
});
