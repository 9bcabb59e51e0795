import { expect, it } from 'vitest';
import { deliverWithKill, STAGES } from '../../../../bench/notify/kill.ts';

/** Number of kills per stage. For more kills, run `node bench/notify/kill.ts 100`. */
const KILLS_PER_STAGE = 5;

/** Stages at which the receiver already has the message, but the notifier hasn't recorded that. */
const RECEIVED_STAGES: readonly string[] = ['sending', 'answered'];

it.each(STAGES)(
  'delivers the message once or twice if the notifier is killed at stage %s',
  async (stage) => {
    for (let i = 0; i < KILLS_PER_STAGE; i++) {
      const { arrived, ids, recorded } = await deliverWithKill(stage);
      expect([ids, recorded]).toEqual([1, 1]);
      expect(arrived).toBe(RECEIVED_STAGES.includes(stage) ? 2 : 1);
    }
  },
  120_000,
);
