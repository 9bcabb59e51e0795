import { describe, expect, it } from 'vitest';
import { ConcurrencyLimiter } from '../../../../src/server/access/concurrency-limiter.ts';

const QUOTA = { what: 'open streams', perKey: 2, perOrganization: 3, perServer: 5 };

describe('ConcurrencyLimiter', () => {
  const acme = (subject: string) => ({ subject, organizationId: 'acme' });

  it('limits each key, each organization, and the server', () => {
    const limiter = new ConcurrencyLimiter(QUOTA);
    const acquire = (subject: string, organizationId?: string) =>
      limiter.acquire({ subject, organizationId }, 30);
    acquire('key:a', 'acme');
    acquire('key:a', 'acme');
    expect(() => acquire('key:a', 'acme')).toThrow(
      'The limit of 2 open streams per key has been reached. Close some of them, or try again in 30 s.',
    );
    acquire('key:b', 'acme');
    expect(() => acquire('key:b', 'acme')).toThrow(/3 open streams per organization/);
    acquire('key:c', 'other');
    acquire('local');
    expect(() => acquire('key:d', 'third')).toThrow(/5 open streams per server/);
  });

  it('allows more after a release, and ignores further calls of the same release', () => {
    const limiter = new ConcurrencyLimiter(QUOTA);
    const release = limiter.acquire(acme('key:a'), 1);
    limiter.acquire(acme('key:a'), 1);
    release();
    release();
    limiter.acquire(acme('key:a'), 1);
    expect(() => limiter.acquire(acme('key:a'), 1)).toThrow(/per key/);
  });

  it('counts nothing if a limit is reached, and forgets callers without open objects', () => {
    const limiter = new ConcurrencyLimiter(QUOTA);
    const releases = ['key:a', 'key:b', 'key:c'].map((subject) =>
      limiter.acquire(acme(subject), 1),
    );
    for (let i = 0; i < 100; i++) {
      expect(() => limiter.acquire(acme(`key:${i}x`), 1)).toThrow(/per organization/);
    }
    for (const release of releases) release();
    expect(limiter.trackedCount).toBe(0);
  });
});
