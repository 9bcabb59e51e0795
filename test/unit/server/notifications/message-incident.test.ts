import { describe, expect, test } from 'vitest';
import { type IncidentSummary, toTenantKey } from '../../../../src/core/alerts/incident-summary.ts';
import type { Person } from '../../../../src/core/person-and-roles.ts';
import { formatTenants } from '../../../../src/server/notifications/message/format-affected-tenants.ts';
import { toMessageIncident } from '../../../../src/server/notifications/message/message-incident.ts';
import { toMessageAlert } from '../../../../src/server/notifications/planning/group-messages.ts';
import { makeKnownAlert } from '../../../support/notifier-fixtures.ts';

const toCause = (text: string) => [{ text, evidence: 'unusual' }];
const toTenant = (organizationId: string, propertyId: string | undefined, failed: number) => ({
  ...{ organizationId, propertyId, failed, requests: 100, averageMs: 5 },
});
const INCIDENT: IncidentSummary = {
  id: 'i1',
  causes: toCause('CPU of host web-1'),
  causesByTenant: {
    [toTenantKey('anna')]: toCause('calls of anna'),
    [toTenantKey('anna', 'north')]: toCause('calls of north'),
  },
  tenants: [
    toTenant('bert', undefined, 30),
    toTenant('anna', 'north', 20),
    toTenant('anna', 'south', 0),
  ],
};
const PEOPLE: readonly Person[] = [
  { name: 'root', role: 'ADMIN' },
  { name: 'anna', role: 'ORG_ADMIN', organization: 'anna' },
  { name: 'north', role: 'PROPERTY_MGR', organization: 'anna', properties: ['north'] },
  { name: 'both', role: 'PROPERTY_MGR', organization: 'anna', properties: ['north', 'south'] },
] as Person[];
const ANNA = makeKnownAlert({ labels: { organization: 'anna', property: 'north' } });
const SOUTH = makeKnownAlert({ labels: { organization: 'anna', property: 'south' } });
const BERT = makeKnownAlert({ labels: { organization: 'bert' } });
const HOST = makeKnownAlert({ labels: { host: 'web-1' } });
const BASE = { receiver: 'ops', index: 0, kind: 'email' };

function describeFor(target: object, alerts: readonly (typeof ANNA)[] = [ANNA]) {
  const message = { alerts: alerts.map(toMessageAlert) };
  const { cause, tenants } = toMessageIncident(INCIDENT, message, { ...BASE, ...target }, PEOPLE);
  return [cause, tenants.map(({ organizationId, propertyId }) => propertyId ?? organizationId)];
}

const EVERYTHING = ['CPU of host web-1 (unusual)', ['bert', 'north', 'south']];
const OF_ANNA = ['calls of anna (unusual)', ['north', 'south']];
const OF_NORTH = ['calls of north (unusual)', ['north']];

describe('a message contains only what its recipient can see', () => {
  test('people', () => {
    expect(describeFor({ person: 'root' })).toEqual(EVERYTHING);
    expect(describeFor({ person: 'anna' }, [ANNA, SOUTH])).toEqual(OF_ANNA);
    expect(describeFor({ person: 'north' })).toEqual(OF_NORTH);
    // No cause was computed for exactly these properties.
    expect(describeFor({ person: 'both' })).toEqual([undefined, ['north', 'south']]);
  });

  test('roles', () => {
    expect(describeFor({ role: 'ADMIN' })).toEqual(EVERYTHING);
    expect(describeFor({ role: 'ORG_ADMIN', organization: 'anna' })).toEqual(OF_ANNA);
    const property = { organization: 'anna', property: 'north' };
    expect(describeFor({ role: 'VIEWER', ...property })).toEqual(OF_NORTH);
    expect(describeFor({ role: 'ORG_ADMIN', organization: 'carla' })).toEqual([undefined, []]);
  });

  test('channels with their own address', () => {
    expect(describeFor({ kind: 'slack' }, [ANNA, BERT])).toEqual(EVERYTHING);
    expect(describeFor({ kind: 'slack' }, [ANNA, HOST])).toEqual(EVERYTHING);
    expect(describeFor({ kind: 'slack' }, [ANNA, SOUTH])).toEqual(OF_ANNA);
    expect(describeFor({ kind: 'slack' }, [ANNA])).toEqual(OF_NORTH);
  });

  test('people who no longer exist are limited by the alerts', () => {
    expect(describeFor({ person: 'gone' })).toEqual(OF_NORTH);
  });
});

test('lists the tenants with their failed requests', () => {
  const { tenants } = INCIDENT;
  const incident = { id: 'i1', cause: undefined, url: undefined, tenants, moreTenants: 2 };
  expect(formatTenants(incident)).toBe(
    'bert: 30 of 100 requests failed; anna/north: 20 of 100 requests failed; anna/south: 100 requests; 2 more tenants',
  );
  expect(formatTenants({ ...incident, tenants: [] })).toBeUndefined();
});
