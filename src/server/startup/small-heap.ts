import { setFlagsFromString } from 'node:v8';

/**
 * Tells V8 to collect garbage early rather than to let the heap grow, for a process that shares its
 * machine with what it watches. What lives from one evaluation to the next, some 5 MB of 8,000 groups,
 * is otherwise left lying until there is ten times as much of it. Measured with these: 107 MB resident
 * instead of 170 MB and more, for 8 ms of processor time a second (41 instead of 33). Set here and not
 * on the command line, so that it holds however the server is started.
 */
export function preferSmallHeap(): void {
  setFlagsFromString('--optimize-for-size');
}
