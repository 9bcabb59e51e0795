import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { DiscoveryPublisher } from '../../../../src/server/startup/discovery-publisher.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function createPublisher() {
  const state = { failure: undefined as Error | undefined, paused: false, log: [] as string[] };
  const written: boolean[] = [];
  const write = (message: string) => void state.log.push(message);
  const publisher = new DiscoveryPublisher(
    () => {
      if (state.failure) throw state.failure;
      written.push(state.paused);
    },
    { info: write, warn: write, error: write },
  );
  return { publisher, state, written };
}

it('repeats a failed write until it succeeds, and then contains the current state', () => {
  const { publisher, state, written } = createPublisher();
  publisher.start();
  state.failure = new Error('ENOSPC: no space left on device');
  state.paused = true;
  publisher.publish();
  vi.advanceTimersByTime(10_000);
  expect(written).toEqual([false]);
  state.failure = undefined;
  vi.advanceTimersByTime(2000);
  vi.advanceTimersByTime(10_000);
  expect(written).toEqual([false, true]);
  expect(state.log).toEqual([
    'Failed to write the discovery file, and services read the old one: ENOSPC: no space left on device. Trying again every 2 s.',
    'The discovery file was written.',
  ]);
});

it('writes nothing after it has stopped', () => {
  const { publisher, state, written } = createPublisher();
  state.failure = new Error('EMFILE: too many open files');
  publisher.publish();
  publisher.stop();
  state.failure = undefined;
  vi.advanceTimersByTime(10_000);
  publisher.publish();
  expect(written).toEqual([]);
});

it('throws if the first write fails', () => {
  const { publisher, state } = createPublisher();
  state.failure = new Error('EACCES: permission denied');
  expect(() => publisher.start()).toThrow('EACCES');
});
