import { expect, it } from 'vitest';
import { QueueKeysField } from '../../../../../src/agent/instrumentation/context/unrecorded-commands.ts';

it('finds the keys of 10,000 queues that share a client, and forgets the oldest ones', () => {
  const options = {};
  const add = (i: number) => QueueKeysField.add(options, `bull:queue-${i}:`);
  const has = (key: unknown) => QueueKeysField.hasKey(options, key);
  for (let i = 0; i < 5000; i++) add(i);
  add(0);
  for (let i = 5000; i < 14_999; i++) add(i);
  expect([has('bull:queue-0:id'), has('bull:queue-1:id')]).toEqual([true, false]);
  expect([has('bull:queue-5000:'), has('bull:queue-14998:wait')]).toEqual([true, true]);
  expect([has('bull:queue-14998'), has('bull:queue'), has('rooms'), has('')]).toEqual(
    Array(4).fill(false),
  );
  expect([has(undefined), has(Buffer.from('bull:queue-0:id'))]).toEqual([false, false]);
  expect([QueueKeysField.hasKey({}, 'a'), QueueKeysField.hasKey(undefined, 'a')]).toEqual([
    false,
    false,
  ]);
});
