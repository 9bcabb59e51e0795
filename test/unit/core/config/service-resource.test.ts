import { hostname } from 'node:os';
import { expect, it } from 'vitest';
import { createOtlpResource } from '../../../../src/agent/otlp-export/otlp-resource.ts';
import {
  detectHost,
  detectServiceResource,
  readResourceAttributes,
} from '../../../../src/core/config/service-resource.ts';
import { mapResource } from '../../../../src/core/otel/mapping/resource-mapping.ts';
import { DEFAULT_TENANT_ATTRIBUTES } from '../../../../src/core/otel/mapping/tenant-attributes.ts';

it.each([
  ['', hostname()],
  ['service.name=a', hostname()],
  ['host.name=db-1', 'db-1'],
  ['host.name=db-1,container.id=abc', 'abc'],
  ['host.name=db-1,container.id=abc,k8s.pod.name=hotel%2D5f', 'hotel-5f'],
])('detects the host in the resource attributes %j', (attributes, expected) => {
  expect(detectHost({ OTEL_RESOURCE_ATTRIBUTES: attributes })).toBe(expected);
});

const PLAIN = { OTEL_SERVICE_NAME: 'hotel' };
const NAMESPACE = { OTEL_RESOURCE_ATTRIBUTES: 'service.namespace=booking%20eu,service.version=2' };

it.each([
  [PLAIN, 'hotel'],
  [{ ...PLAIN, ...NAMESPACE }, 'booking eu/hotel'],
  [{ OTEL_RESOURCE_ATTRIBUTES: 'service.namespace=booking,service.name=api' }, 'booking/api'],
  [{ ...PLAIN, OTEL_RESOURCE_ATTRIBUTES: 'service.namespace=' }, 'hotel'],
  [NAMESPACE, 'unknown_service:node'],
  [{}, 'unknown_service:node'],
])('stores the same service for the rows and the OTLP metrics of the agent: %j', (env, service) => {
  const resource = detectServiceResource(env, undefined);
  expect(resource.service).toBe(service);
  const resourceAttributes = readResourceAttributes(env);
  const mapped = mapResource(createOtlpResource({ resource, resourceAttributes }), {
    tenantAttributes: DEFAULT_TENANT_ATTRIBUTES,
  });
  expect(mapped.service).toEqual({ ...resource, service });
});

it('uses no namespace for the processes of Perfscope', () => {
  expect(detectServiceResource(NAMESPACE, undefined, 'perfscope').service).toBe('perfscope');
});

it('uses the host of the process for an SDK in it, unless the SDK names the host', () => {
  const fallback = { service: { service: 'hotel', instance: 'a' }, host: 'pod-1' };
  const options = { tenantAttributes: DEFAULT_TENANT_ATTRIBUTES, fallback };
  expect(mapResource({ 'k8s.node.name': 'node-1' }, options).host).toBe('pod-1');
  expect(mapResource({ 'host.name': 'db-1' }, options).host).toBe('db-1');
});
