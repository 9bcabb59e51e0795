import { describe, expect, it } from 'vitest';
import {
  getQueueScope,
  toQueueKey,
} from '../../../../../src/agent/instrumentation/queues/redis-queue-scope.ts';
import { getScopePrefix, isInQueueScope } from '../../../../../src/core/queue-scope.ts';

const toScope = (connection: unknown, prefix?: string) =>
  getQueueScope({ name: 'mail', opts: { connection, ...(prefix && { prefix }) } });

describe('the scope of a queue', () => {
  it.each([
    ['no options', undefined, 'bull@127.0.0.1:6379/0'],
    ['options', { host: 'redis', port: 6380, db: 2 }, 'bull@redis:6380/2'],
    ['the name of the own host', { host: 'localhost' }, 'bull@127.0.0.1:6379/0'],
    ['an IPv6 address', { host: 'fd00::1' }, 'bull@[fd00::1]:6379/0'],
    ['a URL with a password', { url: 'rediss://me:secret@redis:6380/3' }, 'bull@redis:6380/3'],
    ['an ioredis client', { options: { host: 'redis', port: 1, db: 0 } }, 'bull@redis:1/0'],
    ['a node-redis client', { options: { socket: { host: 'a', port: 2 } } }, 'bull@a:2/0'],
    ['a Unix socket', { path: '/run/redis.sock' }, 'bull@/run/redis.sock/0'],
    [
      'Sentinel',
      { sentinels: [{ host: 's1' }, { host: 's2' }], name: 'main', db: 1, password: 'secret' },
      'bull@main/1',
    ],
    [
      'a cluster',
      { startupNodes: [{ host: 'b', port: 1 }, 'redis://:secret@a:7', 7001], options: {} },
      'bull@127.0.0.1:7001/0',
    ],
    ['an invalid URL', { url: 'http://' }, 'bull@127.0.0.1:6379/0'],
  ])('contains the address from %s, and no credentials', (_, connection, scope) => {
    expect(toScope(connection)).toBe(scope);
  });

  it('contains the prefix', () => {
    expect(toScope({}, 'prod')).toBe('prod@127.0.0.1:6379/0');
    const queue = { name: 'mail', opts: { connection: {}, prefix: 'stage' } };
    expect(toQueueKey(queue)).toBe('stage@127.0.0.1:6379/0\nmail');
  });

  it('of the job of a flow contains the address of the producer', () => {
    const queue = { name: 'mail', opts: { connection: {}, prefix: 'prod' } };
    const producer = { opts: { connection: { host: 'redis' } } };
    expect(getQueueScope(queue, producer)).toBe('prod@redis:6379/0');
    expect(getQueueScope(queue)).toBe('prod@redis:6379/0');
  });

  it('is selected by its full name or by its prefix', () => {
    expect(getScopePrefix('a@b@redis:1/0')).toBe('a@b');
    expect(getScopePrefix('own')).toBe('own');
    const scope = 'prod@redis:1/0';
    expect(isInQueueScope(scope, undefined)).toBe(true);
    expect(isInQueueScope(scope, ['prod'])).toBe(true);
    expect(isInQueueScope(scope, ['other', scope])).toBe(true);
    expect(isInQueueScope(scope, ['pro'])).toBe(false);
    expect(isInQueueScope(undefined, ['prod'])).toBe(false);
  });
});
