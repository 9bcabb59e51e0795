import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { makeGauge } from '../../../support/alert-fixtures.ts';
import { TestApiServer } from '../../../support/api-server.ts';

const NOW = Date.now();
const api = new TestApiServer();
let client: PerfscopeClient;

beforeAll(async () => {
  await api.start();
  client = new PerfscopeClient({ url: api.url });
  api.dependencies.add(
    'performance_metrics',
    [1, 2, 3].map((hours) =>
      makeGauge({ timestamp: NOW - hours * 3_600_000, metricType: 'CUSTOM', value: hours }),
    ),
  );
  await api.waitUntilStored();
});
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
  api.role = 'ADMIN';
});

it('returns the size, age, and retention of each table and roll-up', async () => {
  const { tables } = await client.get('storage');
  const find = (pattern: RegExp) => tables.find(({ name }) => pattern.test(name))!;
  const metrics = find(/^performance_metrics$/);
  expect(metrics).toMatchObject({
    rows: 3,
    retention: '30 DAY',
    oldest: new Date(NOW - 3 * 3_600_000).toISOString(),
    newest: new Date(NOW - 3_600_000).toISOString(),
  });
  expect(metrics.bytes).toBeGreaterThan(0);
  expect(metrics).not.toHaveProperty('rollup');
  expect(find(/^performance_metrics_1h/)).toMatchObject({ rollup: { status: 'valid' } });
});

it('returns the disk space, the state of the writer, and the version of QuestDB', async () => {
  const { tables: _, ...storage } = await client.get('storage');
  expect(storage).toMatchObject({
    dataDir: api.questdb.folder,
    isEmbedded: false,
    questdbVersion: expect.stringMatching(/^\d+\.\d+/),
    problems: [],
    writes: { storedRows: 3, waitingRows: 0, waitingBytes: 0, droppedRows: {} },
  });
  const { freeBytes, usedBytes, totalBytes } = storage.disk!;
  expect(freeBytes + usedBytes).toBe(totalBytes);
});

it('is only for administrators', async () => {
  api.role = 'ORG_ADMIN';
  api.scope = createOrganizationScope('anna');
  await expect(client.get('storage')).rejects.toMatchObject({ code: 'PS_FORBIDDEN' });
});
