import { describe, expect, it } from 'vitest';
import {
  createOrganizationScope,
  UNRESTRICTED_SCOPE,
} from '../../../../../src/core/tenant-scope.ts';
import type { Deploy } from '../../../../../src/server/alerts/deploys/deploy.ts';
import { toDeployView } from '../../../../../src/server/alerts/deploys/deploy-views.ts';
import type { Finding } from '../../../../../src/server/alerts/deploys/finding.ts';
import {
  type IncidentEvents,
  rankEventCauses,
} from '../../../../../src/server/alerts/incidents/causes/event-causes.ts';
import type { ServiceEvent } from '../../../../../src/storage/queries/service-events.ts';

const MINUTE = 60_000;
const STARTED = 100 * 60 * MINUTE;

const REGRESSION: Finding = {
  ...{ type: 'API_RESPONSE_TIME', endpoint: '/bookings', operation: 'POST' },
  ...{ statistic: 'p95', verdict: 'regression', method: 'before', look: 2 },
  ...{ before: 100, after: 134, change: 0.34, lower: 0.2, upper: 0.5 },
  ...{ countBefore: 9000, countAfter: 1204 },
};

/** Creates a deploy that started some minutes before the first alert. */
function toDeploy(minutesBefore: number, rest: Partial<Deploy> = {}): Deploy {
  return {
    ...{ id: 'd1', service: 'booking', environment: undefined, version: '1.8.0' },
    ...{ previousVersion: '1.7.0', sources: ['detected'], seq: 1, look: 0, comparedSeries: 0 },
    ...{ commit: undefined, author: undefined, url: undefined, findings: [] },
    ...{ endedMs: undefined, endReason: undefined },
    startsMs: STARTED - minutesBefore * MINUTE,
    ...rest,
  };
}

const toVersion = (minutesBefore: number, version = '1.8.0'): ServiceEvent => ({
  ...{ kind: 'version', service: 'booking', version, previousVersion: '1.7.0' },
  atMs: STARTED - minutesBefore * MINUTE,
});
const toRestart = (minutesBefore: number): ServiceEvent => ({
  ...{ kind: 'restart', service: 'booking', count: 3, atMs: STARTED - minutesBefore * MINUTE },
});

function rank(
  deploys: readonly Deploy[],
  { scope = UNRESTRICTED_SCOPE, ...rest }: Partial<IncidentEvents> = {},
) {
  return rankEventCauses({
    ...{ events: [], environments: [], versions: [], unversioned: [], scope },
    ...{ startedMs: STARTED, ...rest },
    deploys: deploys.map((deploy) => toDeployView(deploy, scope, STARTED)),
  });
}

describe('a deploy', () => {
  it('is a cause with its version, author, and confirmed regressions', () => {
    const faster: Finding = { ...REGRESSION, endpoint: '/rooms', verdict: 'improvement' };
    const failing: Finding = {
      ...REGRESSION,
      ...{ statistic: 'errorRate', before: 0.01, after: 0.04, change: 0.03 },
    };
    const deploy = toDeploy(6, {
      ...{ sources: ['detected', 'recorded'], author: 'anna', commit: 'c7cdb51', look: 2 },
      findings: [faster, REGRESSION, failing, { ...REGRESSION, organization: 'grand' }],
    });
    const { versions } = rank([deploy]);
    expect(versions).toEqual([
      {
        ...{ kind: 'version', subject: 'booking 1.8.0', service: 'booking', deployId: 'd1' },
        ...{ onsetMs: STARTED - 6 * MINUTE, before: 0, now: 1, unit: '1' },
        text: '`booking` was updated to version 1.8.0 from 1.7.0: POST /bookings 34 % slower at p95 and 1 more regression',
        evidence:
          '6 min before the first alert started; recorded by anna, commit c7cdb51; ' +
          '1.8.0 made POST /bookings 34 % slower at p95 (1,204 requests, 99 % confidence); ' +
          '1.8.0 increased the error rate of POST /bookings from 1 % to 4 % (1,204 requests, 99 % confidence)',
      },
    ]);
  });

  it('shows callers limited to a tenant no author, and only the findings about the tenant', () => {
    const deploy = toDeploy(6, {
      ...{ sources: ['recorded'], author: 'anna', commit: 'c7cdb51', look: 2, comparedSeries: 20 },
      findings: [REGRESSION, { ...REGRESSION, organization: 'grand', change: 0.5 }],
    });
    const ofTenant = (name: string) =>
      rank([deploy], { scope: createOrganizationScope(name) }).versions[0];
    expect(ofTenant('grand')?.text).toMatch(/1\.7\.0: POST \/bookings for grand 50 % slower/);
    expect(ofTenant('grand')?.evidence).not.toMatch(/anna|c7cdb51|1\.8\.0 made POST \/bookings 34/);
    expect(ofTenant('city')).toMatchObject({
      text: '`booking` was updated to version 1.8.0 from 1.7.0',
      evidence: '6 min before the first alert started; recorded',
    });
  });

  it('without a confirmed regression states the number of compared series', () => {
    const { versions } = rank([toDeploy(6, { look: 2, comparedSeries: 20 })]);
    expect(versions[0]?.evidence).toMatch(/; no regression was confirmed in 20 compared series$/);
  });

  it('is one cause together with the version of its processes', () => {
    expect(rank([toDeploy(6)], { events: [toVersion(5)] }).versions).toHaveLength(1);
    // Without the deploy, the version is the cause.
    expect(rank([], { events: [toVersion(5)] }).versions).toMatchObject([
      { text: '`booking` was updated to version 1.8.0 from 1.7.0' },
    ]);
    const others = rank([toDeploy(6)], { events: [toVersion(2, '1.9.0')] }).versions;
    expect(others.map(({ subject }) => subject)).toEqual(['booking 1.9.0', 'booking 1.8.0']);
  });

  it('of a service without versions is one cause together with the restart of its processes', () => {
    const events = [toRestart(5)];
    const deploy = toDeploy(6, { sources: ['recorded'], previousVersion: undefined });
    expect(rank([deploy], { events, unversioned: ['booking'] })).toMatchObject({
      versions: [{ text: '`booking` was updated to version 1.8.0' }],
      restarts: [],
    });
    expect(rank([deploy], { events }).restarts).toHaveLength(1);
    expect(rank([], { events, unversioned: ['booking'] }).restarts).toHaveLength(1);
  });

  it.each([
    [15, {}, 1],
    [-0.5, {}, 1],
    [16, {}, 0],
    [-2, {}, 0],
    [6, { endedMs: STARTED - 1 }, 0],
    [6, { endedMs: STARTED + 1 }, 1],
  ])('%d min before the first alert with %j is %d causes', (minutes, rest, count) => {
    expect(rank([toDeploy(minutes, rest)]).versions).toHaveLength(count);
  });

  it("in another environment isn't a cause", () => {
    const deploys = [
      toDeploy(6, { environment: 'staging' }),
      toDeploy(6, { environment: 'production', id: 'd2' }),
      toDeploy(6, { id: 'd3' }),
    ];
    const ids = ({ versions }: ReturnType<typeof rank>) => versions.map(({ deployId }) => deployId);
    const { versions } = rank(deploys.slice(0, 1), { environments: ['production'] });
    expect(versions).toEqual([]);
    expect(ids(rank(deploys, { environments: ['production'] }))).toEqual(['d2', 'd3']);
    expect(ids(rank(deploys.slice(0, 1)))).toEqual(['d1']);
    // The version of the processes belongs to the deploy in the other environment.
    const events = [toVersion(6)];
    expect(ids(rank(deploys.slice(0, 1), { environments: ['production'], events }))).toEqual([]);
  });

  it('that an alert is about is a cause for a day, and comes first', () => {
    const old = toDeploy(40, { findings: [REGRESSION], look: 5 });
    const next = toDeploy(2, { id: 'd2', version: '1.9.0', findings: [REGRESSION], look: 1 });
    const versions = [{ service: 'booking', version: '1.8.0' }];
    expect(rank([old, next]).versions).toMatchObject([{ deployId: 'd2' }]);
    expect(rank([old, next], { versions }).versions).toMatchObject([
      { deployId: 'd1' },
      { deployId: 'd2' },
    ]);
    expect(rank([toDeploy(25 * 60)], { versions }).versions).toEqual([]);
  });

  it('with a regression comes before newer deploys without one', () => {
    const deploys = [
      toDeploy(9, { id: 'd1', findings: [REGRESSION], look: 2 }),
      toDeploy(4, { id: 'd2', service: 'search' }),
      toDeploy(2, { id: 'd3', service: 'mail' }),
    ];
    expect(rank(deploys).versions).toMatchObject([{ deployId: 'd1' }, { deployId: 'd3' }]);
  });
});
