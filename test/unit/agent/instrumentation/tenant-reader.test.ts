import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import {
  type TenantHeaders,
  TenantReader,
} from '../../../../src/agent/instrumentation/tenant-reader.ts';

const HEADERS: TenantHeaders = {
  PERFORMANCE_ORGANIZATION_HEADER: 'X-Org',
  PERFORMANCE_PROPERTY_HEADER: 'x-prop',
  PERFORMANCE_USER_HEADER: 'x-user',
};

function read(headers: Record<string, string>, named = HEADERS) {
  const refused: string[] = [];
  const reader = new TenantReader(named, (field, reason) => refused.push(`${field} ${reason}`));
  return { tenant: reader.readTenant({ headers } as unknown as IncomingMessage), refused };
}

it('believes the headers that are named, and no other', () => {
  const headers = { 'x-org': 'Grand "Hotel"', 'x-prop': 'lake', 'x-user': 'u1', 'x-tenant': 'no' };
  expect(read(headers).tenant).toEqual({
    organizationId: 'Grand "Hotel"',
    propertyId: 'lake',
    userId: 'u1',
  });
  expect(read(headers, {}).tenant).toBeUndefined();
});

it.each([
  ['x'.repeat(10_000), 'organizationId is longer than 128 characters'],
  ['a\u0007b', 'organizationId has control characters'],
  ['a\u0085b', 'organizationId has control characters'],
])('refuses a hostile header and says why', (value, reason) => {
  const { tenant, refused } = read({ 'x-org': value, 'x-prop': 'lake' });
  expect(tenant).toEqual({ propertyId: 'lake' });
  expect(refused).toEqual([reason]);
});

it('asks the application first', () => {
  const reader = new TenantReader(HEADERS, () => {});
  const request = { headers: { 'x-org': 'header' } } as unknown as IncomingMessage;
  reader.resolver = () => ({ organizationId: 'own' });
  expect(reader.readTenant(request)).toEqual({ organizationId: 'own' });
  reader.resolver = () => undefined;
  expect(reader.readTenant(request)).toEqual({ organizationId: 'header' });
});
