import type { IncomingMessage } from 'node:http';
import type { Request } from 'express';
import { expect, expectTypeOf, it } from 'vitest';
import type { Tenant } from '../../../../../src/agent/instrumentation/context/tenant-context.ts';
import {
  type TenantHeaders,
  TenantReader,
  type TenantResolver,
} from '../../../../../src/agent/instrumentation/context/tenant-reader.ts';

const HEADERS: TenantHeaders = {
  PERFORMANCE_ORGANIZATION_HEADER: 'X-Org',
  PERFORMANCE_PROPERTY_HEADER: 'x-prop',
  PERFORMANCE_USER_HEADER: 'x-user',
};

function readTenant(headers: Record<string, string>, trusted = HEADERS) {
  const rejected: string[] = [];
  const reader = new TenantReader(trusted, (field, reason) => rejected.push(`${field} ${reason}`));
  return { tenant: reader.readTenant({ headers } as unknown as IncomingMessage), rejected };
}

it('reads only the configured headers', () => {
  const headers = { 'x-org': 'Grand "Hotel"', 'x-prop': 'lake', 'x-user': 'u1', 'x-tenant': 'no' };
  expect(readTenant(headers).tenant).toEqual({
    organizationId: 'Grand "Hotel"',
    propertyId: 'lake',
    userId: 'u1',
  });
  expect(readTenant(headers, {}).tenant).toBeUndefined();
});

it.each([
  ['x'.repeat(10_000), 'organizationId is longer than 128 characters'],
  ['a\u0007b', 'organizationId contains control characters'],
  ['a\u0085b', 'organizationId contains control characters'],
])('rejects an invalid header and reports why', (value, reason) => {
  const { tenant, rejected } = readTenant({ 'x-org': value, 'x-prop': 'lake' });
  expect(tenant).toEqual({ propertyId: 'lake' });
  expect(rejected).toEqual([reason]);
});

it("prefers the application's resolver over headers", () => {
  const reader = new TenantReader(HEADERS, () => {});
  const request = { headers: { 'x-org': 'header' } } as unknown as IncomingMessage;
  reader.resolver = () => ({ organizationId: 'own' });
  expect(reader.readTenant(request)).toEqual({ organizationId: 'own' });
  reader.resolver = () => undefined;
  expect(reader.readTenant(request)).toEqual({ organizationId: 'header' });
});

it('accepts resolvers of requests from node:http and Express', () => {
  expectTypeOf<(request: IncomingMessage) => Tenant | undefined>().toExtend<TenantResolver>();
  expectTypeOf<(request: Request) => Tenant | undefined>().toExtend<TenantResolver>();
  expectTypeOf<(request: string) => Tenant | undefined>().not.toExtend<TenantResolver>();
  expectTypeOf<IncomingMessage>().toExtend<Parameters<TenantResolver>[0]>();
});
