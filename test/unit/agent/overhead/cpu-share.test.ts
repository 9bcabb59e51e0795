import { expect, it } from 'vitest';
import { computeCpuShare } from '../../../../src/agent/overhead/cpu-share.ts';

it.each([
  ['an idle machine', { agentMs: 10, activeMs: 500, cpuMs: 500, elapsedMs: 1000 }, 0.01],
  [
    'a machine that is busy with other work',
    { agentMs: 40, activeMs: 1000, cpuMs: 250, elapsedMs: 1000 },
    0.01,
  ],
  ['CPU time of other threads', { agentMs: 10, activeMs: 500, cpuMs: 4000, elapsedMs: 1000 }, 0.01],
  ['an idle event loop', { agentMs: 0, activeMs: 0, cpuMs: 100, elapsedMs: 1000 }, 0],
  [
    'an estimate that is too high',
    { agentMs: 900, activeMs: 500, cpuMs: 400, elapsedMs: 1000 },
    0.4,
  ],
  ['no elapsed time', { agentMs: 1, activeMs: 1, cpuMs: 1, elapsedMs: 0 }, 0],
])('computes the share of the agent: %s', (_, times, expected) => {
  expect(computeCpuShare(times)).toBeCloseTo(expected, 10);
});
