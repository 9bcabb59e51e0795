import { expect, it } from 'vitest';
import { VARIABLES } from '../../../src/core/config/setting-definitions.ts';
import { findClosestMatch } from '../../../src/core/did-you-mean.ts';
import { VALUE_FUNCTIONS } from '../../../src/storage/sql/check-user-sql.ts';

const PARAMETERS = ['from', 'to', 'interval', 'organizationId', 'metric', 'groupBy', 'order'];
const SETTINGS = Object.keys(VARIABLES);

it.each([
  ['form', PARAMETERS, 'from'],
  ['intervall', PARAMETERS, 'interval'],
  ['organisationId', PARAMETERS, 'organizationId'],
  ['organization-id', ['organization_id'], 'organization_id'],
  ['groupby', PARAMETERS, 'groupBy'],
  ['org', PARAMETERS, 'organizationId'],
  ['mertic', PARAMETERS, 'metric'],
  ['reciever', ['receivers', 'route'], 'receivers'],
  ['metric[]', PARAMETERS, 'metric'],
  ['PERFORMANCE_BUFER_SIZE', SETTINGS, 'PERFORMANCE_BUFFER_SIZE'],
  ['PERFORMANCE_QUEUE_DEPTH', SETTINGS, 'PERFORMANCE_QUEUE_DEPTH_THRESHOLD'],
  ['PERFORMANCE_RESPONSE_TIME_WARN', SETTINGS, 'PERFORMANCE_RESPONSE_TIME_WARNING'],
  ['PERFORMANCE_APIKEY', SETTINGS, 'PERFORMANCE_API_KEY'],
  ['SYSTEM_HEALTH_INTERVALL', SETTINGS, 'SYSTEM_HEALTH_INTERVAL'],
  ['/api/performance/alert', ['/api/performance/alerts'], '/api/performance/alerts'],
  ['/api/performance/notif', ['/api/performance/notifications'], '/api/performance/notifications'],
])('suggests for %s the most similar name', (name, candidates, closest) => {
  expect(findClosestMatch(name, candidates)).toBe(closest);
});

it.each([
  ['type', PARAMETERS],
  ['a', ['b', 'to']],
  ['ip', ['to', 'id']],
  ['', PARAMETERS],
  ['foo', [...VALUE_FUNCTIONS]],
  ['duration', ['operation', 'organization']],
  ['PERFORMANCE_FOO', SETTINGS],
  ['PERFORMANCE_CACHE_SIZE_MB', SETTINGS],
  ['/api/performance', ['/api/performance/keys', '/api/performance/alerts']],
  ['/api/performance/', ['/api/performance/keys', '/api/performance/alerts']],
  ['/api/', ['/api/openapi.json', '/api/performance/keys']],
  ['/api/performance/invoices', ['/api/performance/alerts', '/api/performance/queues']],
])('suggests nothing for %s', (name, candidates) => {
  expect(findClosestMatch(name, candidates)).toBeUndefined();
});

it('accepts only the given number of edits', () => {
  expect(findClosestMatch('monday', ['mondays'], 1)).toBe('mondays');
  expect(findClosestMatch('organisaton', ['organization'], 1)).toBeUndefined();
  expect(findClosestMatch('mon', ['monday'], 1)).toBeUndefined();
});
