import { expect, it } from 'vitest';
import { deliverWithKill, STAGES } from '../../../../bench/notify/kill.ts';

/** Number of kills per stage in the full suite. For more kills, run `node bench/notify/kill.ts 100`. */
const LONG_KILLS = 5;

/** Stages at which the receiver already has the message, but the notifier hasn't recorded that. */
const RECEIVED_STAGES: readonly string[] = ['sending', 'answered'];

async function expectDelivery(stage: (typeof STAGES)[number]): Promise<void> {
  const { arrived, ids, recorded } = await deliverWithKill(stage);
  expect([ids, recorded]).toEqual([1, 1]);
  expect(arrived).toBe(RECEIVED_STAGES.includes(stage) ? 2 : 1);
}

it.each(STAGES)(
  'delivers the message once or twice if the notifier is killed at stage %s',
  expectDelivery,
);

// Long: the tests above kill the notifier once at each stage in CI.
it.each(STAGES)(
  'does so after each of several kills at stage %s',
  { tags: 'long' },
  async (stage) => {
    for (let i = 0; i < LONG_KILLS; i++) await expectDelivery(stage);
  },
);
