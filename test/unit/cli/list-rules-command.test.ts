import { expect, it } from 'vitest';
import { toRuleTableRow } from '../../../src/cli/list-rules-command.ts';

type Rule = Parameters<typeof toRuleTableRow>[0];

const RULE: Rule = {
  ...{ name: 'response-time-spike', state: 'inactive', alerts: 0, thresholds: [] },
  ...{ direction: 'above', labels: {}, for: 0, interval: 30_000, failures: 0, target: false },
  ...{ query: { kind: 'metric' }, source: 'built-in', overridden: false, values: [] },
  valueCount: 12,
};
const waiting = (readyGroups: number): Rule['waiting'] => ({
  ...{ reason: 'baseline', readyGroups, groups: 12, needed: 79_200_000 },
  ...{ expectedAt: '2026-11-30T07:00:00.000Z', text: 'waiting for a baseline' },
});

it('shows the state of a rule, and why it waits', () => {
  const note = 'waiting for a baseline (expected at 2026-11-30T07:00:00.000Z)';
  expect(toRuleTableRow(RULE)).toEqual(['inactive', RULE.name, 0, 12, undefined]);
  expect(toRuleTableRow({ ...RULE, waiting: waiting(0) })).toEqual([
    ...['waiting', RULE.name],
    ...[0, 12, note],
  ]);
  // Some groups are evaluated.
  expect(toRuleTableRow({ ...RULE, waiting: waiting(3) })[0]).toBe('inactive');
  expect(toRuleTableRow({ ...RULE, waiting: waiting(0), error: 'no such column' })).toEqual([
    ...['error', RULE.name],
    ...[0, 12, 'no such column'],
  ]);
});
