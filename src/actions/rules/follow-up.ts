import type { Decision } from './decide.ts';

/** Brings a setting back whose rule is no more, or sets it no more. */
export function retire(last: Decision, now: number): Decision {
  const { setting, value, defaultValue } = last;
  return {
    ...after(last, now),
    status: 'reset',
    value: defaultValue,
    facts: {},
    expiresAt: undefined,
    reason: `${setting} ${value} → ${defaultValue}, because its rule was removed`,
  };
}

/**
 * Says once more, under a number of its own, what is stored: another server has decided something else
 * at the same moment, and whoever heard of the one that was overwritten must hear what counts.
 */
export function confirm(stored: Decision, now: number): Decision {
  const { setting, value, expiresAt } = stored;
  return {
    ...after(stored, now),
    status: expiresAt === undefined ? 'reset' : 'renewed',
    reason: `${setting} stays ${value}, because two servers decided at once and this is what counts`,
  };
}

function after(last: Decision, now: number): Decision {
  const timestamp = Math.max(now, last.timestamp + 1);
  return { ...last, timestamp, seq: last.seq + 1, previous: last.value };
}
