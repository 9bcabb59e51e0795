import { expect, it } from 'vitest';
import { mapResource } from '../../../../src/core/otel/mapping/resource-mapping.ts';
import { DEFAULT_TENANT_ATTRIBUTES } from '../../../../src/core/otel/mapping/tenant-attributes.ts';

const OPTIONS = { tenantAttributes: DEFAULT_TENANT_ATTRIBUTES };

it.each([
  ['a service', { 'service.name': 'shop', 'service.instance.id': 'a' }],
  ['a process without an instance ID', { 'service.name': 'shop', 'process.pid': 5 }],
  ['a resource without known attributes', { table: 'orders' }],
  ['a service of an SDK', { 'service.name': 'shop', 'telemetry.sdk.name': 'opentelemetry' }],
])('maps %s to the same series with and without the ID of a store', (_case, resource) => {
  const withStore = { 'perfscope.store.id': '1234', ...resource };
  expect(mapResource(withStore, OPTIONS)).toEqual(mapResource(resource, OPTIONS));
});
