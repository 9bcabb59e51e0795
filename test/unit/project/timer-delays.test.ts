import { globSync } from 'node:fs';
import { expect, it } from 'vitest';
import { findVariableDelays } from '../../support/find-timer-delays.ts';

const SPLIT = 'Longer delays are split.';

/** Calls whose delay isn't a constant, with the reason. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'core/guarded-timers.ts setTimeout(delayMs)': SPLIT,
  'core/guarded-timers.ts setInterval(intervalMs)': SPLIT,
  'core/guarded-timers.ts setInterval(delaysMs.eachMs)': SPLIT,
  'core/delay.ts delayOnce(eachMs)': SPLIT,
  'agent/process/flush-on-exit.ts setTimeout(timeoutMs)': 'The maximum of the setting is a day.',
  'agent/lambda/lambda-flusher.ts setTimeout(budgetMs)': 'The maximum of the setting is a minute.',
  'cli/healthcheck-command.ts AbortSignal.timeout(timeout)': 'The maximum of the option is a day.',
  'client/server-sent-events.ts setTimeout(ms)': 'The maximum is 30 s.',
  'server/notifications/delivery/channel-limiter.ts setTimeout(attemptTimeoutMs)':
    'The time limit is a constant of the notifier.',
  'storage/migrations/migrate.ts delay(APPLY_POLL_INTERVAL_MS * 2 ** attempt)':
    'The number of attempts is limited.',
  'storage/questdb/query-scheduler.ts setTimeout(this.#options.maxWaitMs)':
    'The time limit is a constant of the reader.',
  'storage/questdb/questdb-supervisor.ts setTimeout(delayMs)': 'The maximum is a constant.',
  'storage/questdb/state-table-cache.ts delay(waitMs)': 'The maximum is 250 ms.',
};

const calls = ['src', 'demo'].flatMap((folder) =>
  globSync('**/*.ts', { cwd: folder })
    .toSorted()
    .flatMap((file) => findVariableDelays(file, folder)),
);

// Node.js replaces a delay of more than 24.8 days by 1 ms. `startTimeout`, `startInterval`, and `delay` support any delay.
it('delays that can be long use the timers in `src/core`', () => {
  expect(calls.filter((call) => !Object.hasOwn(EXCEPTIONS, call))).toEqual([]);
});

it('has no outdated exceptions', () => {
  expect(Object.keys(EXCEPTIONS).filter((call) => !calls.includes(call))).toEqual([]);
});

it.each([
  ['setTimeout(send, waitMs)', ['a.ts setTimeout(waitMs)']],
  ['setInterval(send, options.intervalMs)', ['a.ts setInterval(options.intervalMs)']],
  ['AbortSignal.timeout(limit)', ['a.ts AbortSignal.timeout(limit)']],
  [
    "import { setTimeout as pause } from 'node:timers/promises'; await pause(ms);",
    ['a.ts pause(ms)'],
  ],
  ['setTimeout(send, 50); setInterval(send, INTERVAL_MS * 2); AbortSignal.timeout(LIMIT_MS)', []],
  ["import { delay } from './delay.ts'; delay(ms); startTimeout('x', send, ms)", []],
])('checks %s', (text, expected) => {
  expect(findVariableDelays('a.ts', '.', text)).toEqual(expected);
});
