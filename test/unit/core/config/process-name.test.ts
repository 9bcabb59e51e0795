import { expect, it } from 'vitest';
import { formatProcessName } from '../../../../src/core/config/process-name.ts';

const MAIN = {
  threadId: undefined,
  threadName: '',
  script: '/app/server.js',
  clusterWorkerId: undefined,
};

it.each([
  ['the main thread', {}, undefined],
  ['a cluster worker', { clusterWorkerId: 3 }, 'cluster worker 3'],
  ['a script', { threadId: 2, script: '/app/jobs/mailer.js' }, 'worker thread 2 (mailer.js)'],
  [
    'a script on Windows',
    { threadId: 2, script: 'C:\\app\\mailer.js' },
    'worker thread 2 (mailer.js)',
  ],
  ['code in a string', { threadId: 1, script: '[worker eval]' }, 'worker thread 1 (worker eval)'],
  ['a named thread', { threadId: 4, threadName: 'mailer' }, 'worker thread 4 (mailer)'],
  ['a default name', { threadId: 4, threadName: 'WorkerThread' }, 'worker thread 4 (server.js)'],
  ['an unknown script', { threadId: 4, script: undefined }, 'worker thread 4'],
  [
    'a hostile name',
    { threadId: 4, threadName: `a\n"${'x'.repeat(500)}` },
    `worker thread 4 (a${'x'.repeat(59)})`,
  ],
])('names %s', (_, role, expected) => {
  expect(formatProcessName({ ...MAIN, ...role })).toBe(expected);
});
