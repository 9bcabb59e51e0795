import type { Options } from 'express-rate-limit';
import { expect, it } from 'vitest';
import { BoundedMemoryStore } from '../../../../src/server/api/middleware/rate-limit-middleware.ts';

it('requests from many addresses share one counter, so they cannot fill the memory', async () => {
  const store = new BoundedMemoryStore(100);
  store.init({ windowMs: 60_000 } as Options);
  try {
    for (let i = 0; i < 1000; i++) await store.increment(`address ${i}`);
    expect(store.current.size + store.previous.size).toBe(101);
    expect((await store.increment('address 7')).totalHits).toBe(2);
    expect((await store.increment('address 2000')).totalHits).toBe(901);
  } finally {
    store.shutdown();
  }
});
