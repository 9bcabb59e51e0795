import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { LambdaFlusher } from '../../../../src/agent/lambda/lambda-flusher.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function createAgent({ isAway = false } = {}) {
  const agent = {
    isAway,
    flushes: 0,
    budgets: [] as number[],
    flushSync: () => {
      agent.flushes += 1;
      return true;
    },
    sendSpooled: async (timeoutMs: number) => void agent.budgets.push(timeoutMs),
    hasUnsent: () => agent.isAway,
  };
  return agent;
}

it('sends after each invocation within the budget', async () => {
  const agent = createAgent();
  const flusher = new LambdaFlusher(agent);
  for (const budget of [200, 150, 0, -10]) await flusher.flush(budget);
  expect(agent.flushes).toBe(4);
  expect(agent.budgets).toEqual([200, 150]);
});

it('only writes to the spool for a while if the database does not answer', async () => {
  const agent = createAgent({ isAway: true });
  const flusher = new LambdaFlusher(agent);
  await flusher.flush(200);
  await flusher.flush(200);
  expect(agent.budgets).toHaveLength(1);
  vi.advanceTimersByTime(1000);
  await flusher.flush(200);
  vi.advanceTimersByTime(1000);
  await flusher.flush(200);
  expect(agent.budgets).toHaveLength(2);
  agent.isAway = false;
  vi.advanceTimersByTime(1000);
  for (let i = 0; i < 3; i++) await flusher.flush(200);
  expect(agent.budgets).toHaveLength(5);
  expect(agent.flushes).toBe(7);
});
