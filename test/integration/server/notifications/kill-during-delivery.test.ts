import { expect, it } from 'vitest';
import { deliverWithKill, STAGES } from '../../../../bench/notify/kill.ts';

/** `node bench/notify/kill.ts 100` does the same more often. */
const TIMES = 5;

/** Where the other side may have had the message already. */
const UNKNOWN: readonly string[] = ['sending', 'answered'];

it.each(STAGES)(
  'delivers at least once, and at most one more, when it is killed while %s',
  async (stage) => {
    for (let i = 0; i < TIMES; i++) {
      const { arrived, ids, recorded } = await deliverWithKill(stage);
      expect([ids, recorded]).toEqual([1, 1]);
      expect(arrived).toBe(UNKNOWN.includes(stage) ? 2 : 1);
    }
  },
  120_000,
);
