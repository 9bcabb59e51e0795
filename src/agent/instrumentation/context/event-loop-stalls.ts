import { AsyncResource } from 'node:async_hooks';
import { startInterval } from '../../../core/guarded-timers.ts';
import { markTick } from './event-loop-blocks.ts';

/** An open request, for the time that the event loop was blocked. */
export interface StallObserver {
  /** Value of {@link takeBlockedMs} that is already attributed, in ms. */
  blockedMs: number;
}

const PART = 'the event loop wait of requests';
const TICK_MS = 10;
/** Timers can be this late without a blocked event loop. */
const TOLERANCE_MS = 2;
const LATEST_TICK_MS = TICK_MS + TOLERANCE_MS;

/** Without it, the timer would keep the request that started it in memory. */
const rootScope = new AsyncResource('PerfscopeEventLoopStalls');

let openCount = 0;
let timer: NodeJS.Timeout | undefined;
/** Time after which the timer is late, and the event loop is therefore blocked. */
let dueMs = Number.POSITIVE_INFINITY;
/** Time in which the event loop was blocked, until the last tick. */
let totalMs = 0;
/**
 * The request whose code ran last since the last tick, if the request waits for no operation. If the event loop is
 * blocked, its code is probably the reason, so the time is the request's own.
 */
let runner: StallObserver | undefined;
/** Total when `runner` was set. */
let runnerTotalMs = 0;

/** Starts to detect stalls for a request. They are detected only while requests are open. */
export function openStallObserver(observer: StallObserver, nowMs: number): void {
  startTicks(nowMs);
  observer.blockedMs = readTotalMs(nowMs);
  setRunner(observer, nowMs);
}

/** Starts the timer that detects stalls, for a request or job. */
export function startTicks(nowMs: number): void {
  openCount += 1;
  if (timer !== undefined) return;
  dueMs = nowMs + LATEST_TICK_MS;
  timer = rootScope.runInAsyncScope(startInterval, undefined, PART, tick, TICK_MS);
}

/** Must be called once for each call of {@link startTicks}. */
export function stopTicks(): void {
  openCount -= 1;
}

/** Ends the detection for a request. Must be called once for each call of {@link openStallObserver}. */
export function closeStallObserver(): void {
  stopTicks();
  runner = undefined;
}

/**
 * Returns how long the event loop was blocked by other code since the last call for this request, in ms. Time
 * in which the request's own code blocked the event loop is not included.
 */
export function takeBlockedMs(observer: StallObserver, nowMs: number): number {
  const total = readTotalMs(nowMs);
  excludeRunner(total);
  const blockedMs = total - observer.blockedMs;
  observer.blockedMs = total;
  return blockedMs;
}

/** Sets the request whose code is running now, unless it waits for an operation. */
export function setRunner(observer: StallObserver | undefined, nowMs: number): void {
  const total = readTotalMs(nowMs);
  excludeRunner(total);
  runner = observer;
  runnerTotalMs = total;
}

function readTotalMs(nowMs: number): number {
  return nowMs > dueMs ? totalMs + nowMs - dueMs : totalMs;
}

function excludeRunner(total: number): void {
  if (runner === undefined || total === runnerTotalMs) return;
  runner.blockedMs += total - runnerTotalMs;
  runnerTotalMs = total;
}

function tick(): void {
  const nowMs = performance.now();
  markTick(nowMs);
  const total = readTotalMs(nowMs);
  excludeRunner(total);
  runner = undefined;
  totalMs = total;
  dueMs = nowMs + LATEST_TICK_MS;
  if (openCount > 0) return;
  clearInterval(timer);
  timer = undefined;
  dueMs = Number.POSITIVE_INFINITY;
}
