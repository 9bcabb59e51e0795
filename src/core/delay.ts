import { setTimeout as delayOnce } from 'node:timers/promises';
import { splitDelay } from './guarded-timers.ts';

export interface DelayOptions {
  /** Ends the delay early. The promise is then fulfilled, not rejected. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the timer keeps the process alive. Default: true. */
  readonly keepAlive?: boolean;
}

/** Waits for `delayMs`, which can be any duration. Never rejects. */
export async function delay(
  delayMs: number,
  { signal, keepAlive = true }: DelayOptions = {},
): Promise<void> {
  const { count, eachMs } = splitDelay(delayMs);
  const options = { ref: keepAlive, ...(signal && { signal }) };
  for (let i = 0; i < count && !signal?.aborted; i++) {
    await delayOnce(eachMs, undefined, options).catch(() => {});
  }
}
