import { performance as threadPerformance } from 'node:perf_hooks';
import { MIN_BLOCK_MS } from '../../../core/suggestion-metrics.ts';
import type { Caller } from './caller.ts';

/** Receives the time in which the code of a request or job blocked the event loop without interruption, in ms. */
type OnBlock = (caller: Caller, durationMs: number) => void;

/** A process that got less CPU time was probably interrupted by other processes. */
const MIN_CPU_SHARE = 0.5;

const { nodeTiming } = threadPerformance;

let onBlock: OnBlock | undefined;
/**
 * The request or job whose event was the last one in this process, if it waits for no operation. Its code probably
 * runs now.
 */
let running: Caller | undefined;
/** Time of its event from `performance.now()`. */
let sinceMs = 0;
/** Iteration of the event loop in which its event happened. */
let sinceIteration = 0;
/** CPU time of the process at the last tick, in ms. */
let tickCpuMs = 0;

/** Sets the function that receives blocks. Undefined: blocks are not detected. */
export function setBlockListener(listener: OnBlock | undefined): void {
  onBlock = listener;
  running = undefined;
}

/**
 * Must be called at each event of a request or job. Events are its start and end, the first byte of a response, and the
 * start and end of an operation.
 *
 * A block is attributed only if two events of the same request or job enclose it, without another event between them.
 * Both events must be in the same iteration of the event loop, because a request that waits continues in a later one.
 * The process must have used the CPU. Otherwise, the block is ignored.
 *
 * @param caller the request or job, or undefined if the event belongs to neither
 * @param runs whether its code runs after this event, because it waits for no operation
 */
export function markEvent(caller: Caller | undefined, nowMs: number, runs: boolean): void {
  if (running !== undefined && running === caller && nowMs - sinceMs >= MIN_BLOCK_MS)
    endBlock(running, nowMs);
  if (!runs || onBlock === undefined) {
    running = undefined;
    return;
  }
  running = caller;
  sinceMs = nowMs;
  sinceIteration = readIteration();
}

/** Must be called when code that belongs to no request or job runs. */
export function markOtherCode(): void {
  running = undefined;
}

/** Must be called by a frequent timer, which runs only if the event loop isn't blocked. */
export function markTick(): void {
  running = undefined;
  tickCpuMs = readCpuMs();
}

function endBlock(caller: Caller, nowMs: number): void {
  const durationMs = nowMs - sinceMs;
  if (readIteration() !== sinceIteration) return;
  if (readCpuMs() - tickCpuMs < MIN_CPU_SHARE * durationMs) return;
  onBlock?.(caller, durationMs);
}

function readIteration(): number {
  return nodeTiming.uvMetricsInfo.loopCount;
}

function readCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
