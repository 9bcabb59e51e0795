import { expect, it } from 'vitest';
import {
  addJobDefaults,
  toJobTransitionRow,
} from '../../../../src/agent/record/job-transition-row.ts';
import { QueueJobStatus } from '../../../../src/core/schema/enums.ts';

it('redacts the error of a job, and keeps the frames of its stack', () => {
  const frames = '\n    at send (/srv/app/mail.js:12:9)';
  const errorMessage = 'login failed: SMTP_PASSWORD=hunter2';
  const job = {
    queueName: 'mail',
    jobId: '1',
    status: QueueJobStatus.FAILED,
    errorMessage,
    stackTrace: `Error: ${errorMessage} ${'long '.repeat(3000)}${frames}`,
  };
  const row = toJobTransitionRow(job, Date.now());
  expect(row).toMatchObject({ errorMessage: 'login failed: SMTP_PASSWORD=[secret]' });
  const { stackTrace = '' } = row as { stackTrace?: string };
  expect(stackTrace).toMatch(/^Error: login failed: SMTP_PASSWORD=\[secret\] long /);
  expect(stackTrace.endsWith(frames)).toBe(true);
  expect(stackTrace.length).toBeLessThanOrEqual(4096);
});

it('adds the default values of the specification to a transition without them', () => {
  const now = Date.UTC(2030, 0, 15);
  const job = { queueName: 'mail', status: QueueJobStatus.WAITING };
  const withDefaults = addJobDefaults(job, now);
  expect(withDefaults).toEqual({
    ...{ ...job, jobId: expect.stringMatching(/\S/), createdAt: now },
    ...{ attempts: 1, maxAttempts: 3, priority: 0 },
  });
  expect(toJobTransitionRow(withDefaults, now)).toMatchObject({ createdAt: now, timestamp: now });
  // Each transition without an ID is its own job, so that no row replaces another.
  expect(addJobDefaults(job, now).jobId).not.toBe(withDefaults.jobId);
  const times = { timestamp: now - 50, startedAt: now - 90 };
  expect(addJobDefaults({ ...job, ...times }, now).createdAt).toBe(now - 90);
});

it('keeps the given values of a transition', () => {
  const job = {
    ...{ queueName: 'mail', jobId: '7', status: QueueJobStatus.WAITING, createdAt: 5 },
    ...{ attempts: 0, maxAttempts: 1, priority: 9 },
  };
  expect(addJobDefaults(job, Date.now())).toEqual(job);
});
