import { setFlagsFromString } from 'node:v8';

/**
 * Makes V8 collect garbage early instead of growing the heap, because the server shares its machine
 * with the services it monitors. By default, V8 lets garbage grow to ten times the live data, which
 * is about 5 MB for 8,000 alert groups. Measured effect: 107 MB resident instead of 170 MB or more,
 * for 8 ms more CPU time per second (41 instead of 33). The flag is set in code instead of on the
 * command line, so it applies no matter how the server is started.
 */
export function preferSmallHeap(): void {
  setFlagsFromString('--optimize-for-size');
}
