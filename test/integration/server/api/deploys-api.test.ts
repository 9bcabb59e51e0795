import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCli } from '../../../../src/cli/cli.ts';
import { PerfscopeClient } from '../../../../src/client/perfscope-client.ts';
import { createOrganizationScope, UNRESTRICTED_SCOPE } from '../../../../src/core/tenant-scope.ts';
import { createEvaluator, makeHistogram } from '../../../support/alert-fixtures.ts';
import { TestApiServer } from '../../../support/api-server.ts';
import { createRandom } from '../../../support/random.ts';

const MINUTE_MS = 60_000;
/** The deploy of 1.8.0. */
const START = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 40 * MINUTE_MS;
const at = (minutes: number) => START + minutes * MINUTE_MS;
const iso = (ms: number) => new Date(ms).toISOString();
const api = new TestApiServer();
const random = createRandom(7);
let client: PerfscopeClient;

/** Adds the requests of one minute: 120 of anna, and 80 of bert. */
function addMinute(
  minute: number,
  serviceVersion: string | undefined,
  path: string,
  factor: number,
  service = 'booking',
): void {
  const counts = { anna: 15, bert: 10 };
  for (const [organizationId, count] of Object.entries(counts)) {
    for (let part = 0; part < 8; part += 1) {
      const ms = 40 * factor * Math.exp(0.12 * (part - 3.5) + 0.3 * (random() - 0.5));
      const { row, buckets } = makeHistogram(
        {
          ...{ timestamp: at(minute) + 1000 + part, metricType: 'API_RESPONSE_TIME' },
          ...{ service, serviceVersion, environment: 'prod', instance: serviceVersion ?? 'i' },
          ...{ endpoint: path, operation: 'POST', organizationId },
        },
        { count, ms },
      );
      api.dependencies.add('performance_metrics', [row]);
      api.dependencies.add('metric_buckets', buckets);
    }
  }
}

beforeAll(async () => {
  await api.start();
  api.now = () => at(35);
  client = new PerfscopeClient({ url: api.url });
  for (let minute = -60; minute < 0; minute += 1) {
    addMinute(minute, '1.7.0', '/bookings', 1);
    addMinute(minute, '1.7.0', '/rooms', 1);
    addMinute(minute, undefined, '/old', 1, 'unversioned');
  }
  for (let minute = 0; minute < 20; minute += 1) {
    addMinute(minute, '1.8.0', '/bookings', 1.5);
    addMinute(minute, '1.8.0', '/rooms', 1);
    addMinute(minute, undefined, '/old', 1, 'unversioned');
  }
  // The rollback.
  for (let minute = 20; minute < 35; minute += 1) addMinute(minute, '1.7.0', '/bookings', 1);
  const deploy = { service: 'unversioned', version: '2024-05', environment: 'prod' };
  await client.recordDeploy({ ...deploy, at: iso(at(0)) });
  await api.waitUntilStored();
});
afterAll(() => api.remove());
beforeEach(() => {
  api.scope = UNRESTRICTED_SCOPE;
});

const RANGE = { from: at(-120), to: at(35) };
const listDeploys = async (service = 'booking') =>
  (await client.get('deploys', { ...RANGE, service: [service] })).deploys;
const listAlerts = async () =>
  (await client.get('alerts')).alerts.filter(({ rule }) => rule === 'deploy-regression');

describe('a regression', () => {
  it('is detected, and named after five minutes', async () => {
    await api.evaluator.runOnce(at(1));
    await api.waitUntilStored();
    expect(await listDeploys()).toMatchObject([
      {
        ...{ service: 'booking', version: '1.8.0', previousVersion: '1.7.0' },
        ...{ environment: 'prod', sources: ['detected'], findings: [] },
        startsAt: new Date(at(0) + 1000).toISOString(),
      },
    ]);
    await api.evaluator.runOnce(at(5) + 2000);
    await api.waitUntilStored();
    const [deploy] = await listDeploys();
    expect(deploy).toMatchObject({ status: 'regression' });
    const texts = deploy?.findings.map(({ text }) => text);
    expect(texts).toContainEqual(
      expect.stringMatching(
        /^1\.8\.0 made POST \/bookings [45]\d % slower at p95 \(800 requests, 99 %/,
      ),
    );
    expect(texts?.filter((text) => text.includes('/rooms'))).toEqual([]);
  });

  it('raises one alert for the endpoint, with the sentence', async () => {
    const alerts = await listAlerts();
    expect(alerts).toMatchObject([
      { state: 'firing', severity: expect.stringMatching(/medium|high/) },
    ]);
    expect(alerts[0]?.annotations.summary).toMatch(
      /^1\.8\.0 made POST \/bookings [45]\d.* % slower at p95 \(800 requests, 99 % confidence\)$/,
    );
  });

  it('opens an incident with the deploy as its only cause', async () => {
    const { incidents } = await client.get('incidents', { last: '1d' });
    expect(incidents).toHaveLength(1);
    const [deploy] = await listDeploys();
    const { incident, timeline } = await client.incident(incidents[0]!.id);
    expect(incident.causes.filter(({ kind }) => kind === 'version')).toHaveLength(1);
    expect(incident.causes[0]).toMatchObject({ deployId: deploy!.id, subject: 'booking 1.8.0' });
    expect(incident.title).toMatch(
      /^`booking` was updated to version 1\.8\.0 from 1\.7\.0: POST \/bookings [45]\d % slower at p95$/,
    );
    const versions = timeline.filter(({ kind }) => kind === 'version');
    expect(versions).toMatchObject([{ text: 'booking: version 1.8.0 after 1.7.0' }]);
  });

  it('has all statistics', async () => {
    const [deploy] = await listDeploys();
    const { changes } = await client.deploy(deploy!.id);
    const rooms = changes.find(
      ({ endpoint, statistic, organization }) =>
        endpoint === '/rooms' && statistic === 'p95' && organization === undefined,
    );
    expect(rooms).toMatchObject({ verdict: 'unchanged', method: 'before', countAfter: 800 });
    expect(Math.abs(rooms?.change ?? 1)).toBeLessThan(0.05);
  });
});

describe('a report', () => {
  const body = { service: 'booking', version: '1.8.0', environment: 'prod', commit: 'c7cdb51' };

  it('that is late joins the detected deploy, also if it is repeated', async () => {
    const before = await listDeploys();
    const first = await client.recordDeploy({ ...body, at: new Date(at(12)).toISOString() });
    const second = await client.recordDeploy({ ...body, at: new Date(at(12)).toISOString() });
    // The service has only one environment.
    const { environment: _, ...shorter } = body;
    const third = await client.recordDeploy({ ...shorter, at: new Date(at(12)).toISOString() });
    await api.waitUntilStored();
    expect(second.deploys).toEqual(first.deploys);
    expect(third.deploys).toEqual(first.deploys);
    const after = await listDeploys();
    expect(after).toMatchObject([{ id: before[0]?.id, commit: 'c7cdb51', author: 'test' }]);
    expect(after[0]).toMatchObject({ sources: ['detected', 'recorded'], status: 'regression' });
    expect(after[0]?.startsAt).toBe(before[0]?.startsAt);
  });

  it('adds its author and its commit to the cause of the incident', async () => {
    await api.evaluator.runOnce(at(6.5));
    const { incidents } = await client.get('incidents', { last: '1d' });
    expect(incidents[0]?.causes[0]?.evidence).toMatch(
      /^\d.* the first alert started; recorded by test, commit c7cdb51; 1\.8\.0 made POST \/bookings/,
    );
  });

  it('is rejected in the future, without a version, and from a key of one organization', async () => {
    const future = { ...body, at: new Date(at(60)).toISOString() };
    await expect(client.recordDeploy(future)).rejects.toThrow('future');
    await expect(client.recordDeploy({ service: 'booking' } as never)).rejects.toThrow('version');
    const scope = createOrganizationScope('anna');
    api.principal = { subject: 'key:1', role: 'INGEST', scope, organizationId: 'anna' };
    await expect(client.recordDeploy(body)).rejects.toThrow('organization');
    api.principal = { subject: 'key:2', role: 'VIEWER', scope, organizationId: 'anna' };
    await expect(client.recordDeploy(body)).rejects.toMatchObject({ status: 403 });
    api.principal = undefined;
  });
});

describe('a caller limited to a tenant', () => {
  it('sees only findings and comparisons of the tenant', async () => {
    api.scope = createOrganizationScope('anna');
    const [deploy] = await listDeploys();
    expect(deploy).toMatchObject({ version: '1.8.0' });
    expect(deploy).not.toHaveProperty('commit');
    expect(deploy?.findings.map(({ organization }) => organization)).toEqual(['anna']);
    const { changes } = await client.deploy(deploy!.id);
    expect(new Set(changes.map(({ organization }) => organization))).toEqual(new Set(['anna']));
    const compared = await client.get('compare', {
      ...{ service: ['booking'], base: '1.7.0', candidate: '1.8.0', ...RANGE },
    });
    expect(compared.changes[0]?.countAfter).toBe(20 * 8 * 15);
  });

  it('sees no deploys of services without data of the tenant', async () => {
    api.scope = createOrganizationScope('carl');
    expect(await listDeploys()).toEqual([]);
    api.scope = UNRESTRICTED_SCOPE;
    const [{ id } = { id: '' }] = await listDeploys();
    api.scope = createOrganizationScope('carl');
    await expect(client.deploy(id)).rejects.toMatchObject({ status: 404 });
  });
});

it('compare returns intervals that contain the true change', async () => {
  const { changes, seriesCount } = await client.get('compare', {
    ...{ service: ['booking'], base: '1.7.0', candidate: '1.8.0', ...RANGE },
  });
  expect(seriesCount).toBe(2);
  const p95 = changes.filter(({ statistic }) => statistic === 'p95');
  const bookings = p95.find(({ endpoint }) => endpoint === '/bookings');
  expect(bookings).toMatchObject({ verdict: 'regression' });
  expect(bookings?.lower).toBeLessThan(0.5);
  expect(bookings?.upper).toBeGreaterThan(0.5);
  expect(p95.find(({ endpoint }) => endpoint === '/rooms')).toMatchObject({ verdict: 'unchanged' });
});

it('compare labels the times of the base', async () => {
  const query = { service: ['booking'], candidate: '1.8.0', ...RANGE };
  // Both versions are in the requested range, but they ran one after the other.
  const { changes } = await client.get('compare', { ...query, base: '1.7.0' });
  expect(new Set(changes.map(({ method }) => method))).toEqual(new Set(['before']));
  // All versions without the candidate. Sums in another order differ in the last digits.
  const others = (await client.get('compare', query)).changes;
  expect(others.map(({ text }) => text)).toEqual(changes.map(({ text }) => text));
  const range = { from: at(20), to: at(35), baseFrom: iso(at(-60)), baseTo: iso(at(20)) };
  const later = await client.get('compare', { service: ['booking'], candidate: '1.7.0', ...range });
  expect(later.changes[0]).toMatchObject({ method: 'before', verdict: 'unchanged' });
});

it('compare rejects a comparison of something with itself', async () => {
  const same = { service: ['booking'], base: '1.7.0', candidate: '1.7.0', ...RANGE };
  await expect(client.get('compare', same)).rejects.toThrow('version 1.7.0 with itself');
  const overlapping = { ...same, baseFrom: iso(at(-180)), baseTo: iso(at(-100)) };
  await expect(client.get('compare', overlapping)).rejects.toThrow('both time ranges overlap');
  const all = { service: ['booking'], ...RANGE };
  await expect(client.get('compare', all)).rejects.toThrow('all versions with itself');
});

/** Runs a command against the server, and returns its output and its exit code. */
async function perfscope(...args: string[]) {
  const output = { out: '', err: '', code: 0 };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      output[name === 'stdout' ? 'out' : 'err'] += String(text);
      return true;
    }),
  );
  process.exitCode = undefined;
  try {
    await runCli([...args, '--url', api.url, '--key', 'test']);
    output.code = Number(process.exitCode ?? 0);
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.exitCode = undefined;
  }
  return output;
}

describe('perfscope compare', () => {
  const versions = ['--service', 'booking', '--base', '1.7.0', '--candidate', '1.8.0'];
  const compare = (...args: string[]) => perfscope('compare', ...versions, ...args);

  it('exits with 1 only if the whole interval is above the limit', async () => {
    const failed = await compare('--fail-on', 'p95>+10%', '--fail-on', 'errorRate>+1%');
    expect(failed.code).toBe(1);
    expect(failed.out).toMatch(/POST \/bookings +p95 .*FAILED/);
    expect(failed.out).toContain('p95>+10%: 1.8.0 made POST /bookings');
    // The interval contains 50 %.
    expect((await compare('--fail-on', 'p95>+50%')).code).toBe(0);
    expect((await compare('--endpoint', '/rooms', '--fail-on', 'p95>+10%')).code).toBe(0);
  });

  it('prints JSON', async () => {
    const { code, out } = await compare('--json', '--fail-on', 'mean > 10 %');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      hasData: true,
      violations: [{ condition: 'mean > 10 %', change: { endpoint: '/bookings' } }],
    });
  });

  it('exits with 3 without data only with --require-data', async () => {
    const unknown = ['--service', 'unknown', '--candidate', '9', '--fail-on', 'p95>+10%'];
    const { code, err } = await perfscope('compare', ...unknown);
    expect(code).toBe(0);
    expect(err).toContain('not enough data');
    expect((await perfscope('compare', ...unknown, '--require-data')).code).toBe(3);
  });

  it.each([['p95'], ['p99>+10%'], ['p95<10%'], ['p95>10ms'], ['']])(
    'exits with 2 for the condition %j',
    async (condition) => {
      const { code, err } = await compare('--fail-on', condition);
      expect(code).toBe(2);
      expect(err).toContain('such as p95>+10% or errorRate>+1%');
    },
  );

  it('exits with 2 for a comparison of a version with itself', async () => {
    const { code, err } = await compare('--candidate', '1.7.0');
    expect(code).toBe(2);
    expect(err).toContain('compares version 1.7.0 with itself. Specify two versions');
  });

  it('exits with 2 for an invalid range', async () => {
    expect((await compare('--base-range', '2030-01-31')).code).toBe(2);
  });
});

describe('perfscope deploy', () => {
  it('records a deploy once', async () => {
    const at12 = new Date(at(12)).toISOString();
    const args = ['--service', 'booking', '--version', '1.8.0', '--environment', 'prod'];
    const first = await perfscope('deploy', ...args, '--at', at12);
    const id = (await listDeploys())[0]?.id;
    expect(first).toMatchObject({ code: 0 });
    expect(first.out).toContain(`Recorded 1.8.0 of booking after 1.7.0. ID: ${id}`);
    const second = await perfscope('deploy', ...args, '--at', at12, '--json');
    expect(JSON.parse(second.out)).toMatchObject({ id, version: '1.8.0' });
    await api.waitUntilStored();
    expect(await listDeploys()).toHaveLength(1);
  });

  it('reports invalid options and responses', async () => {
    expect((await perfscope('deploy', '--service', 'booking')).code).toBe(2);
    expect(
      (await perfscope('deploy', '--service', 'a', '--version', '1', '--at', 'now')).code,
    ).toBe(2);
    const future = new Date(at(90)).toISOString();
    const late = await perfscope('deploy', '--service', 'a', '--version', '1', '--at', future);
    expect(late).toMatchObject({ code: 1 });
    expect(late.err).toContain('in the future');
  });
});

it('marks contain the deploy once', async () => {
  const { marks } = await client.get('marks', RANGE);
  const deploys = marks.filter(({ kind }) => kind === 'version');
  expect(deploys.filter(({ version }) => version === '1.8.0')).toMatchObject([
    { service: 'booking', version: '1.8.0', deployId: (await listDeploys())[0]?.id },
  ]);
});

it('a second server finds the same deploy, and adds none', async () => {
  const { add, flush, queryClient } = api.dependencies;
  const other = createEvaluator({ queryClient, add, flush, now: () => at(6) });
  await other.runOnce(at(6));
  await api.waitUntilStored();
  expect(await listDeploys()).toHaveLength(1);
  await other.stop();
});

it('a rollback ends the alert, and is a deploy', async () => {
  // The first evaluation after a pause only shifts the times of the alerts.
  await api.evaluator.runOnce(at(34));
  await api.evaluator.runOnce(at(34.5));
  await api.waitUntilStored();
  expect(await listDeploys()).toMatchObject([
    { version: '1.8.0', status: 'ended', endReason: 'version 1.8.0 has stopped' },
    { version: '1.7.0', previousVersion: '1.8.0' },
  ]);
  expect(await listAlerts()).toEqual([]);
});

// Last, because the first ten minutes after the deploy are ignored.
it('compares a service without versions before and after a recorded deploy', async () => {
  const [deploy] = await listDeploys('unversioned');
  expect(deploy).toMatchObject({ sources: ['recorded'], comparedSeries: 3, findings: [] });
  const { changes } = await client.deploy(deploy!.id);
  expect(changes).toContainEqual(
    expect.objectContaining({ endpoint: '/old', method: 'before', verdict: 'unchanged' }),
  );
});
