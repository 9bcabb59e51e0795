import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { makeGauge } from '../../../support/alert-fixtures.ts';
import { TestApiServer } from '../../../support/api-server.ts';

const MINUTE_MS = 60_000;
const END = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
const at = (minutes: number) => END - minutes * MINUTE_MS;
const RANGE = { from: at(60), to: END };
const api = new TestApiServer();
let client: PerfscopeClient;
let lastId = 0;

/** Adds a health row and a measurement of two organizations in each minute. */
function addProcess(instance: string, serviceVersion: string, from: number, to: number): void {
  const resource = { service: 'booking', serviceVersion, environment: 'prod', instance };
  for (let minute = from; minute >= to; minute--) {
    const timestamp = at(minute) + 1000;
    api.dependencies.add('system_health', [
      { ...resource, timestamp, id: `h${lastId++}`, status: 'healthy' },
    ]);
    for (const organizationId of ['anna', 'bert']) {
      if (organizationId === 'bert' && serviceVersion === '2.0') continue;
      api.dependencies.add('performance_metrics', [
        {
          ...makeGauge({ timestamp, metricType: 'CUSTOM', value: 1, organizationId }),
          ...resource,
        },
      ]);
    }
  }
}

function addAlert(id: string, firedMinutesAgo: number, fields: object, state = 'firing'): void {
  const firedAt = at(firedMinutesAgo);
  api.dependencies.add('alerts', [
    {
      ...{ timestamp: firedAt, id, seq: 1, rule: 'error-rate', state, severity: 'high' },
      ...{ value: 12, threshold: 10, labels: '{"service":"booking"}', service: 'booking' },
      ...{ startedAt: firedAt, firedAt, ...fields },
    },
  ]);
}

beforeAll(async () => {
  await api.start();
  client = new PerfscopeClient({ url: api.url });
  addProcess('a', '1.0', 90, 40);
  addProcess('b', '1.0', 90, 40);
  addProcess('c', '1.0', 39, 20);
  addProcess('d', '1.0', 39, 20);
  addProcess('e', '2.0', 19, 1);
  addAlert('own', 30, { organizationId: 'anna' });
  addAlert('own', 30, {
    ...{ organizationId: 'anna', timestamp: at(25), seq: 2, severity: 'critical' },
    state: 'resolved',
  });
  addAlert('other', 15, { organizationId: 'bert', service: 'mailer', labels: '{}' });
  addAlert('pending', 10, { firedAt: undefined }, 'pending');
  await api.waitUntilStored();
});
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
});

const listMarks = async (query: object = {}) =>
  (await client.get('marks', { ...RANGE, ...query })).marks.map(
    (mark) =>
      `${(END - Date.parse(mark.at)) / MINUTE_MS} ${mark.kind} ${mark.service} ${mark.version ?? mark.count ?? mark.alertId}`,
  );

describe('an administrator', () => {
  it('gets restarts, new versions, and alerts, oldest first', async () => {
    const { marks, total } = await client.get('marks', RANGE);
    expect(total).toBe(4);
    expect(marks.map(({ kind }) => kind)).toEqual(['restart', 'alert', 'version', 'alert']);
    expect(marks[0]).toEqual({
      at: new Date(at(39)).toISOString(),
      ...{ kind: 'restart', service: 'booking', count: 2, text: '2 instances restarted' },
    });
    expect(marks[1]).toEqual({
      at: new Date(at(30)).toISOString(),
      ...{ kind: 'alert', service: 'booking', alertId: 'own', rule: 'error-rate' },
      ...{ severity: 'critical', until: new Date(at(25)).toISOString() },
      text: 'booking: 12 % of requests are failing (limit: 10 %)',
    });
    expect(marks[2]).toMatchObject({
      ...{ service: 'booking', version: '2.0', previousVersion: '1.0' },
      text: 'version 2.0 after 1.0',
    });
    expect(marks[3]).not.toHaveProperty('until');
  });

  it('filters by service and environment', async () => {
    expect(await listMarks({ service: ['mailer'] })).toEqual(['15 alert mailer other']);
    expect(await listMarks({ environment: ['test'] })).toHaveLength(2);
  });

  it('gets no marks for processes and versions from before the range', async () => {
    expect(await listMarks({ from: at(35) })).toHaveLength(3);
    expect(await listMarks({ from: at(12) })).toEqual([]);
  });
});

describe('a caller limited to a tenant', () => {
  it('gets no restarts, and only versions and alerts of its tenant', async () => {
    api.scope = createOrganizationScope('anna');
    const marks = await listMarks();
    expect(marks.map((mark) => mark.split(' ').slice(1).join(' '))).toEqual([
      'alert booking own',
      'version booking 2.0',
    ]);
    api.scope = createOrganizationScope('bert');
    expect(await listMarks()).toEqual(['15 alert mailer other']);
    api.scope = createOrganizationScope('nobody');
    expect(await listMarks()).toEqual([]);
  });
});

it('returns at most 200 marks, and then omits less severe alerts', async () => {
  for (let i = 0; i < 250; i++) {
    addAlert(`many-${i}`, 45 - i / 100, { severity: i < 60 ? 'critical' : 'warning' });
  }
  await api.waitUntilStored();
  const { marks, total } = await client.get('marks', RANGE);
  expect(total).toBe(254);
  expect(marks).toHaveLength(200);
  expect(marks.filter(({ severity }) => severity === 'critical')).toHaveLength(61);
  expect(marks.some(({ kind }) => kind === 'version')).toBe(true);
});
