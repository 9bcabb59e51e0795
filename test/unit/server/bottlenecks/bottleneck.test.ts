import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  findBottleneck,
  type MeasuredRequests,
  MIN_BOTTLENECK_REQUESTS,
} from '../../../../src/server/bottlenecks/bottleneck.ts';
import {
  findLimitingOperation,
  parseParts,
  type SampledRequest,
} from '../../../../src/server/bottlenecks/sample-operations.ts';

/** Returns requests of 340 ms whose parts have these shares in percent. */
function createRequests(
  shares: Partial<
    Record<'database' | 'outgoing' | 'connectionWait' | 'eventLoopWait' | 'own', number>
  >,
  count = 50,
): MeasuredRequests {
  const entries = Object.entries(shares).flatMap(([name, share]) => [
    [`${name}Share`, share],
    [`${name}Time`, (340 * share) / 100],
  ]);
  return { count, average: 340, ...(Object.fromEntries(entries) as object) };
}

describe('findBottleneck', () => {
  it('names the part with most of the time, and its statement', () => {
    const found = findBottleneck(createRequests({ database: 82, own: 18 }), ({ kind }) =>
      kind === 'database' ? { name: 'SELECT name FROM rooms', share: 90, samples: 7 } : undefined,
    );
    expect(found).toEqual({
      part: 'database',
      text: 'Limited by the database: 82 % of 340 ms, mostly `SELECT name FROM rooms`.',
      requests: 50,
      duration: 340,
      time: 278.8,
      share: 82,
      operation: { name: 'SELECT name FROM rooms', share: 90, samples: 7 },
    });
  });

  it.each([
    ['outgoing', 'outgoing calls'],
    ['connectionWait', 'waits for database connections'],
    ['eventLoopWait', 'other code that blocks the event loop'],
    ['own', 'its own code'],
  ] as const)('describes %s', (name, text) => {
    const { part, text: sentence } = findBottleneck(createRequests({ database: 20, [name]: 80 }));
    expect(part).toBe(name);
    expect(sentence).toBe(`Limited by ${text}: 80 % of 340 ms.`);
  });

  it('omits an operation with less than half of the time of its part', () => {
    const requests = createRequests({ database: 82, own: 18 });
    const found = findBottleneck(requests, () => ({ name: 'SELECT ?', share: 49, samples: 3 }));
    expect(found.operation).toBeUndefined();
    expect(found.text).not.toContain('mostly');
  });

  it('accepts a part with 40 % only if the next part is clearly smaller', () => {
    expect(findBottleneck(createRequests({ database: 42, own: 27 })).part).toBe('database');
    expect(findBottleneck(createRequests({ database: 42, own: 38 }))).toMatchObject({
      part: 'unclear',
      text: 'Unclear: no part dominates (database 42 %, own time 38 % of 340 ms).',
    });
  });

  it('is unclear with too few requests, and without a breakdown', () => {
    const few = findBottleneck(createRequests({ database: 90 }, MIN_BOTTLENECK_REQUESTS - 1));
    expect(few.text).toBe('Unclear: 19 requests, and at least 20 are needed.');
    expect(findBottleneck({ count: 50, average: 340 })).toMatchObject({
      part: 'unclear',
      text: 'Unclear: the requests have no breakdown of their time.',
    });
  });

  it('handles any numbers', () => {
    const number = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, -1, 1e9, undefined));
    const record = fc.record({
      ...{ count: fc.integer({ min: 0 }), average: number, databaseTime: number },
      ...{ databaseShare: number, ownTime: number, ownShare: number },
    });
    fc.assert(
      fc.property(record, (requests) => {
        const { text, time, share, duration } = findBottleneck(requests as MeasuredRequests);
        expect(text).not.toMatch(/NaN|undefined|Infinity/);
        for (const value of [time, share, duration]) expect(value ?? 0).not.toBeNaN();
      }),
    );
  });
});

describe('findLimitingOperation', () => {
  const createSample = (
    endpoint: string,
    ...parts: readonly (readonly [string, number])[]
  ): SampledRequest => ({
    group: { endpoint },
    parts: parts.map(([name, duration]) => ({
      ...{ kind: 'database', name, start: 0, duration, failed: false },
    })),
  });

  it('adds up the times of the kept requests of the group', () => {
    const samples = [
      createSample('/a', ['SELECT 1', 10], ['SELECT 2', 40]),
      createSample('/a', ['SELECT 1', 50]),
      createSample('/b', ['SELECT 3', 900]),
    ];
    expect(findLimitingOperation(samples, 'database', { endpoint: '/a' }, ['endpoint'])).toEqual({
      name: 'SELECT 1',
      share: 60,
      samples: 2,
    });
    expect(findLimitingOperation(samples, 'outgoing', { endpoint: '/a' }, ['endpoint'])).toBe(
      undefined,
    );
  });

  it('ignores operations without a valid form', () => {
    expect(
      parseParts(
        '{"parts":[null,1,{"kind":"database"},{"kind":"database","name":"a","duration":1}]}',
      ),
    ).toEqual([{ kind: 'database', name: 'a', duration: 1 }]);
    for (const tags of [undefined, '', 'null', '[]', '{"parts":7}', '{']) {
      expect(parseParts(tags)).toEqual([]);
    }
  });
});
