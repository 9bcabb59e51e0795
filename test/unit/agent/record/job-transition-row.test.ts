import { expect, it } from 'vitest';
import { toJobTransitionRow } from '../../../../src/agent/record/job-transition-row.ts';
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
