import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { TestApiServer } from '../../../support/api-server.ts';

const MINUTE_MS = 60_000;
const NOW = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - MINUTE_MS;
const RANGE = { from: NOW - 10 * MINUTE_MS, to: NOW };
const PROD = 'prod@redis.example:6379/0';
const STAGE = 'stage@redis.example:6379/0';
const api = new TestApiServer();
let client: PerfscopeClient;
let rowCount = 0;

function addChange(jobId: string, status: string, agoMs: number, fields: object = {}): void {
  api.dependencies.add('queue_metrics', [
    {
      service: 'mailer',
      instance: 'mailer-1',
      queueName: 'mail',
      queueScope: PROD,
      jobType: 'send',
      organizationId: 'anna',
      propertyId: 'north',
      test: false,
      timestamp: NOW - agoMs,
      createdAt: NOW - agoMs,
      attempts: 0,
      maxAttempts: 3,
      seq: rowCount,
      id: `row-${String(rowCount++).padStart(5, '0')}`,
      jobId,
      status,
      ...fields,
    },
  ]);
}

beforeAll(async () => {
  await api.start();
  client = new PerfscopeClient({ url: api.url });
  // All three states have the same time.
  for (const status of ['completed', 'waiting', 'active'])
    addChange('fast', status, 5000, { data: '{"guest":"Ann"}', result: '"secret"' });
  addChange('retried', 'waiting', 60_000);
  addChange('retried', 'active', 50_000, { startedAt: NOW - 50_000, waitTime: 10_000 });
  addChange('retried', 'delayed', 49_000, {
    ...{ duration: 1000, waitTime: 10_000, attempts: 1, delay: 5000 },
    ...{ errorMessage: 'no room', stackTrace: 'Error: no room\n    at book' },
  });
  addChange('failed', 'failed', 20_000, {
    ...{ failedAt: NOW - 20_000, duration: 40, attempts: 3, errorMessage: 'gone' },
    ...{ organizationId: 'bert', propertyId: 'south' },
  });
  for (const queueScope of [PROD, STAGE]) addChange('17', 'active', 30_000, { queueScope });
  addChange('17', 'waiting', 40_000, { queueName: 'invoices', organizationId: 'bert' });
  addChange('old', 'completed', 3 * 86_400_000);
  addChange('probe', 'active', 1000, { test: true });
  await api.waitUntilStored();
});
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
  api.role = 'ADMIN';
});

const listIds = async (query: object) =>
  (await client.get('jobs', { ...RANGE, ...query })).jobs.map(
    ({ queue, scope, jobId, status }) => `${queue} ${scope} ${jobId} ${status}`,
  );

describe('the list of jobs', () => {
  it('has the latest state of each job, the latest change first', async () => {
    expect(await listIds({})).toEqual([
      `mail ${PROD} fast completed`,
      `mail ${PROD} failed failed`,
      `mail ${STAGE} 17 active`,
      `mail ${PROD} 17 active`,
      `invoices ${PROD} 17 waiting`,
      `mail ${PROD} retried delayed`,
    ]);
    const { jobs } = await client.get('jobs', { ...RANGE, jobId: ['retried'] });
    expect(jobs).toEqual([
      {
        queue: 'mail',
        scope: PROD,
        jobId: 'retried',
        jobType: 'send',
        status: 'delayed',
        changedAt: new Date(NOW - 49_000).toISOString(),
        createdAt: new Date(NOW - 60_000).toISOString(),
        startedAt: new Date(NOW - 50_000).toISOString(),
        waitTime: 10_000,
        duration: 1000,
        attempts: 1,
        maxAttempts: 3,
        errorMessage: 'no room',
        organizationId: 'anna',
        propertyId: 'north',
      },
    ]);
  });

  it('can be filtered', async () => {
    const prod17 = [`mail ${PROD} 17 active`, `invoices ${PROD} 17 waiting`];
    expect(await listIds({ jobId: ['17'], scope: ['prod'] })).toEqual(prod17);
    expect(await listIds({ jobId: ['17'], scope: [STAGE] })).toEqual([`mail ${STAGE} 17 active`]);
    expect(await listIds({ scope: ['other'] })).toEqual([]);
    expect(await listIds({ queue: ['invoices'] })).toEqual([`invoices ${PROD} 17 waiting`]);
    // The job `fast` was active before, and `retried` was waiting.
    expect(await listIds({ status: ['active', 'waiting'] })).toHaveLength(3);
    expect(await listIds({ status: ['failed'] })).toEqual([`mail ${PROD} failed failed`]);
    expect(await listIds({ organizationId: ['bert'] })).toHaveLength(2);
    expect(await listIds({ propertyId: ['south'] })).toHaveLength(1);
    expect(await listIds({ includeTest: true })).toContain(`mail ${PROD} probe active`);
  });

  it('has pages, each job once', async () => {
    for (const limit of [1, 2, 4]) {
      const seen: string[] = [];
      for await (const { jobs } of client.pages('jobs', { ...RANGE, limit })) {
        expect(jobs.length).toBeLessThanOrEqual(limit);
        seen.push(...jobs.map(({ queue, scope, jobId }) => `${queue} ${scope} ${jobId}`));
      }
      expect(seen).toHaveLength(6);
      expect(new Set(seen).size).toBe(6);
    }
  });

  it('is also available as CSV', async () => {
    const csv = await client.csv('jobs', { ...RANGE, status: ['failed'] });
    const [header, row] = csv.split('\r\n');
    expect(header).toMatch(/^queue,scope,jobId,jobType,status,changedAt/);
    expect(row).toContain('gone');
  });
});

describe('the history of a job', () => {
  it('has every state change, oldest first', async () => {
    const { jobs } = await client.job('retried');
    expect(jobs).toHaveLength(1);
    expect(jobs[0]).toMatchObject({ status: 'delayed', errorMessage: 'no room' });
    expect(jobs[0]?.history).toEqual([
      {
        ...{ at: new Date(NOW - 60_000).toISOString(), status: 'waiting', attempts: 0 },
        ...{ service: 'mailer', instance: 'mailer-1' },
      },
      {
        ...{ at: new Date(NOW - 50_000).toISOString(), status: 'active', attempts: 0 },
        ...{ waitTime: 10_000, service: 'mailer', instance: 'mailer-1' },
      },
      {
        ...{ at: new Date(NOW - 49_000).toISOString(), status: 'delayed', attempts: 1 },
        ...{ waitTime: 10_000, duration: 1000, delay: 5000, errorMessage: 'no room' },
        stackTrace: 'Error: no room\n    at book',
        ...{ service: 'mailer', instance: 'mailer-1' },
      },
    ]);
  });

  it('contains the jobs of all queues, or of one', async () => {
    expect((await client.job('17')).jobs).toHaveLength(3);
    expect((await client.job('17', { queue: ['mail'] })).jobs).toHaveLength(2);
    const one = await client.job('17', { queue: ['mail'], scope: ['stage'] });
    expect(one.jobs.map(({ scope }) => scope)).toEqual([STAGE]);
  });

  it('reads the whole retention, unless there is a time range', async () => {
    expect((await client.job('old')).jobs).toHaveLength(1);
    await expect(client.job('old', { last: '1h' })).rejects.toMatchObject({
      code: 'PS_NOT_FOUND',
      message: expect.stringContaining('"old"'),
    });
  });

  it('contains no data of the application', async () => {
    const { jobs } = await client.job('fast');
    const text = JSON.stringify([jobs, (await client.get('jobs', RANGE)).jobs]);
    expect(jobs[0]?.history.map(({ status }) => status)).toEqual([
      'waiting',
      'active',
      'completed',
    ]);
    expect(text).not.toMatch(/Ann|secret/);
  });
});

describe('a caller limited to a tenant', () => {
  beforeEach(() => {
    api.scope = createOrganizationScope('anna');
    api.role = 'VIEWER';
  });

  it("sees only its own jobs, without the address of Redis and the worker's instance", async () => {
    const { jobs } = await client.job('17');
    expect(jobs.map(({ queue, scope }) => `${queue} ${scope}`).sort()).toEqual([
      'mail prod',
      'mail stage',
    ]);
    expect(jobs[0]?.history[0]).not.toHaveProperty('instance');
    await expect(client.job('failed')).rejects.toMatchObject({ code: 'PS_NOT_FOUND' });
    expect(await listIds({})).toHaveLength(4);
    expect(await listIds({ organizationId: ['bert'] })).toEqual([]);
  });

  it('selects scopes only by prefix', async () => {
    expect(await listIds({ scope: ['stage'] })).toEqual(['mail stage 17 active']);
    expect(await listIds({ scope: [STAGE] })).toEqual([]);
  });
});
