import { expect, it } from 'vitest';
import { describeOmittedGroups, formatObjectives } from '../../../src/cli/objectives-command.ts';

type Objective = Parameters<typeof formatObjectives>[0][number];
type Group = Objective['groups'][number];

const DAY_MS = 86_400_000;
const GROUP: Group = {
  ...{ labels: { service: 'booking' }, status: 'ok', target: 99, good: 99_500, total: 100_000 },
  ...{ achieved: 99.5, budgetRemaining: 50, eventsRemaining: 500, alerts: 0 },
  burnRates: { fast: 2.5, medium: 1, slow: 0.5 },
  exhaustedAt: '2026-12-10T07:00:00.000Z',
};
const OBJECTIVE: Objective = {
  ...{ name: 'checkout', kind: 'latency', builtIn: false, target: 99, threshold: 500 },
  ...{ window: 30 * DAY_MS, filters: {}, groupBy: ['service'], alerts: 'page' },
  ...{ groups: [GROUP], omittedGroups: 0 },
};

const toCells = (objective: Objective) =>
  formatObjectives([objective])
    .split('\n')
    .slice(1)
    .map((line) => line.split(/ {2,}/));

it('shows the target, the budget, the burn rate, and when the budget runs out', () => {
  expect(toCells(OBJECTIVE)).toEqual([
    [
      ...['checkout', 'service=booking', '99 % latency 500 ms in 30 d', 'ok', '99.5 %', '50 %'],
      ...['2.5', '2026-12-10T07:00:00.000Z'],
    ],
  ]);
});

it("shows a tenant's own target, an exhausted budget, and why a group waits", () => {
  const reason = '1 d of data is needed; there is 2 h';
  const waiting: Group = {
    ...{ labels: {}, status: 'waiting', reason, target: 99, good: 1, total: 1, alerts: 0 },
    burnRates: {},
  };
  const exhausted: Group = { ...GROUP, status: 'exhausted', target: 95, budgetRemaining: -20 };
  const [first, second] = toCells({ ...OBJECTIVE, groups: [exhausted, waiting] });
  expect(first).toEqual(expect.arrayContaining(['95 % latency 500 ms in 30 d', '-20 %']));
  expect(first?.at(-1)).toBe('exhausted');
  expect(second?.slice(-2)).toEqual(['waiting', reason]);
});

it('lists an objective without groups', () => {
  expect(toCells({ ...OBJECTIVE, kind: 'uptime', threshold: undefined, groups: [] })).toEqual([
    ['checkout', '99 % uptime in 30 d', 'waiting', 'no data'],
  ]);
});

it('reports the groups that are not measured', () => {
  const many = { ...OBJECTIVE, omittedGroups: 1200 };
  expect(describeOmittedGroups([OBJECTIVE, many])).toEqual([
    expect.stringMatching(/^checkout has too many groups: 1,?200 more groups are not measured\./),
  ]);
});
