import { hostname } from 'node:os';
import { expect, it } from 'vitest';
import { detectHost } from '../../../../src/core/config/service-resource.ts';

it.each([
  ['', hostname()],
  ['service.name=a', hostname()],
  ['host.name=db-1', 'db-1'],
  ['host.name=db-1,container.id=abc', 'abc'],
  ['host.name=db-1,container.id=abc,k8s.pod.name=hotel%2D5f', 'hotel-5f'],
])('detects the host in the resource attributes %j', (attributes, expected) => {
  expect(detectHost({ OTEL_RESOURCE_ATTRIBUTES: attributes })).toBe(expected);
});
