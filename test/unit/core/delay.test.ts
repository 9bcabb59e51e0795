import { expect, it, vi } from 'vitest';
import { delay } from '../../../src/core/delay.ts';
import { DAY_MS } from '../../../src/core/duration.ts';

it.each([30 * DAY_MS, Number.POSITIVE_INFINITY])(
  'waits for %d ms until its signal aborts',
  async (delayMs) => {
    const emitWarning = vi.spyOn(process, 'emitWarning');
    const stop = new AbortController();
    let isDone = false;
    const waiting = delay(delayMs, { signal: stop.signal }).then(() => {
      isDone = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isDone).toBe(false);
    stop.abort();
    await waiting;
    await delay(delayMs, { signal: stop.signal });
    // Node.js warns about a delay that it replaces by 1 ms.
    expect(emitWarning).not.toHaveBeenCalled();
    emitWarning.mockRestore();
  },
);
