import { performance as threadPerformance } from 'node:perf_hooks';
import { MIN_BLOCK_MS } from '../../../core/suggestion-metrics.ts';
import type { Caller } from './caller.ts';

/** Receives the time in which the code of a request or job blocked the event loop without interruption, in ms. */
type OnBlock = (caller: Caller, durationMs: number) => void;

/** A process that got less CPU time was probably interrupted by other processes. */
const MIN_CPU_SHARE = 0.5;

/** Collections are reported shortly after they end. */
const COLLECTION_DELAY_MS = 500;
/** Shorter collections don't change the result. */
const MIN_COLLECTION_MS = 5;
/** Limits the memory. Further blocks are dropped. */
const MAX_PENDING = 100;

/** A time from `performance.now()`. */
interface Interval {
  readonly startMs: number;
  readonly endMs: number;
}

const { nodeTiming } = threadPerformance;
/** Blocks whose garbage collections aren't known yet. */
let pending: (Interval & { readonly caller: Caller })[] = [];
/** Recent collections. */
let collections: Interval[] = [];

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
  pending = [];
  collections = [];
}

/**
 * Must be called at each event of a request or job. Events are its start and end, the first byte of a response, and the
 * start and end of an operation.
 *
 * A block is attributed only if two events of the same request or job enclose it, without another event between them.
 * Both events must be in the same iteration of the event loop, because a request that waits continues in a later one.
 * The process must have used the CPU. Otherwise, the block is ignored. The time of garbage collections is subtracted.
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
export function markTick(nowMs: number): void {
  running = undefined;
  tickCpuMs = readCpuMs();
  if (pending.length > 0 || collections.length > 0) flushBlocks(nowMs);
}

/** Must be called after each garbage collection. */
export function addCollection(startMs: number, durationMs: number): void {
  if (durationMs < MIN_COLLECTION_MS || onBlock === undefined) return;
  if (collections.length >= MAX_PENDING) collections.shift();
  collections.push({ startMs, endMs: startMs + durationMs });
}

/** Reports the blocks whose garbage collections are known. */
function flushBlocks(nowMs: number): void {
  const knownMs = nowMs - COLLECTION_DELAY_MS;
  const known = pending.filter(({ endMs }) => endMs < knownMs);
  if (known.length > 0) pending = pending.filter(({ endMs }) => endMs >= knownMs);
  for (const { caller, startMs, endMs } of known) {
    const durationMs = endMs - startMs - sumCollections(startMs, endMs);
    if (durationMs >= MIN_BLOCK_MS) onBlock?.(caller, durationMs);
  }
  const firstMs = pending[0]?.startMs ?? knownMs;
  if (collections.some(({ endMs }) => endMs < firstMs))
    collections = collections.filter(({ endMs }) => endMs >= firstMs);
}

function sumCollections(startMs: number, endMs: number): number {
  return collections.reduce(
    (sum, each) => sum + Math.max(0, Math.min(endMs, each.endMs) - Math.max(startMs, each.startMs)),
    0,
  );
}

function endBlock(caller: Caller, nowMs: number): void {
  const durationMs = nowMs - sinceMs;
  if (readIteration() !== sinceIteration) return;
  if (readCpuMs() - tickCpuMs < MIN_CPU_SHARE * durationMs) return;
  if (pending.length < MAX_PENDING) pending.push({ caller, startMs: sinceMs, endMs: nowMs });
}

function readIteration(): number {
  return nodeTiming.uvMetricsInfo.loopCount;
}

function readCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
