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

let isLarger = false;

/**
 * Lets the heap grow more than `preferSmallHeap` does, when the server receives the first OTLP data. The rows of each
 * request are garbage soon, so a larger young generation saves CPU time. The limit of 50 % keeps the garbage between
 * two collections small. Measured effect with 10,000 series: 16 µs of CPU per point instead of 30, and 246 MB resident
 * instead of 171. Without the limit, the values were 12 µs and 328 MB.
 */
export function allowLargerHeap(): void {
  if (isLarger) return;
  isLarger = true;
  setFlagsFromString('--no-optimize-for-size');
  setFlagsFromString('--heap-growing-percent=50');
}
