import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Delay of the event loop in ms over the last second or more. */
export interface EventLoopSample {
  mean: number;
  p50: number;
  p99: number;
  max: number;
}

const RESOLUTION_MS = 10;
const FRESH_MS = 1000;

/** Samples the delay at most once a second, however many ask, so that none resets another's. */
export class EventLoopSampler {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #sample: EventLoopSample | undefined;
  #takenMs: number;

  constructor(nowMs: number = performance.now()) {
    this.#takenMs = nowMs;
    this.#histogram.enable();
  }

  /** @returns undefined until the loop has been watched for a while */
  sample(nowMs: number = performance.now()): EventLoopSample | undefined {
    if (nowMs - this.#takenMs >= FRESH_MS && this.#histogram.count > 0) {
      const h = this.#histogram;
      this.#sample = {
        mean: delayMs(h.mean),
        p50: delayMs(h.percentile(50)),
        p99: delayMs(h.percentile(99)),
        max: delayMs(h.max),
      };
      h.reset();
      this.#takenMs = nowMs;
    }
    return this.#sample;
  }

  stop(): void {
    this.#histogram.disable();
  }
}

/** Node counts the timer's own interval as part of the delay, in ns. */
function delayMs(ns: number): number {
  return Math.max(0, ns / 1e6 - RESOLUTION_MS);
}
