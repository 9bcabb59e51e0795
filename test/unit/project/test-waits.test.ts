import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** Sleeps, helpers with a default limit of 1 s, and explicit limits of tests and `waitFor`. */
const FORBIDDEN =
  /\b(?:delay|sleep)\(|setTimeout\((?:done|resolve)\b|vi\.wait(?:For|Until)\(|expect\.poll\(|^ *\}, [\d_]+\);/;

/** Reviewed lines, with the reason why they can't fail on a busy machine. */
const ALLOWED: Readonly<Record<string, string>> = {
  'integration/agent/instrumentation/queues/bee-queue/bee-queue.test.ts':
    'limit that only ends a hang',
  'integration/agent/instrumentation/queues/bull/bull.test.ts':
    'expiry of a lock, and limit that only ends a hang',
  'integration/agent/instrumentation/queues/bullmq/bullmq-cluster.test.ts': 'duration of a job',
  'integration/agent/instrumentation/queues/bullmq/bullmq-features.test.ts':
    'duration of a job, expiry of a lock, and limit that only ends a hang',
  'unit/agent/instrumentation/queues/job-attempts.test.ts': 'time that the result excludes',
  'integration/server/actions/kill-during-decision.test.ts': 'pause before the child continues',
  'integration/server/api/api.test.ts': 'interval that sends rows, and wait for two intervals',
  'integration/storage/write/spool-sender.test.ts': 'limit that only ends a hang',
  'unit/server/alerts/evaluation-scheduler.test.ts': 'fake clock',
  'unit/server/alerts/parse-sql-rule.test.ts': 'SQL function',
  'unit/core/concurrency.test.ts': 'fake clock',
  'unit/core/delay.test.ts': 'delays that a signal ends',
  'unit/project/timer-delays.test.ts': 'code in strings',
  'e2e/demo-alerts.test.ts': 'interval between two reads of the alerts',
  'e2e/demo-suggestions.test.ts':
    'reads the suggestions at intervals, because each read takes time',
  'e2e/aws-lambda.test.ts': 'time for which the process is frozen',
  'e2e/tenant.test.ts': 'limit that only ends a hang',
};

it.each([
  ['await delay(100);', true],
  ['setTimeout(resolve, 5)', true],
  ['await vi.waitFor(check);', true],
  ['}, 20_000);', true],
  ['await waitFor(async () => isReady);', false],
])('finds sleeps and limits in %s: %s', (line, isForbidden) => {
  expect(FORBIDDEN.test(line)).toBe(isForbidden);
});

it('has no fixed sleeps and no short limits in test files, except reviewed files', () => {
  // Libraries that are installed for tests can contain their own tests.
  const files = globSync('**/*.test.ts', { cwd: 'test', exclude: ['**/node_modules'] })
    .filter((file) => !file.endsWith('test-waits.test.ts'))
    .filter((file) =>
      readFileSync(join('test', file), 'utf8')
        .split('\n')
        .some((line) => FORBIDDEN.test(line)),
    );
  expect(files.sort()).toEqual(Object.keys(ALLOWED).sort());
});
