import { PerformanceObserver } from 'node:perf_hooks';

const INTERVAL_MS = 100;
const ENTRIES = 20_000;
/** Caches that the garbage collector must copy before they are replaced. */
const KEPT_CACHES = 10;
const MAX_CACHES = 20;
/** Share of the time that garbage collection should take, on fast and slow hosts. */
const TARGET_SHARE = 0.25;
const INTERVALS_PER_CHANGE = 10;

/** Rebuilds a cache so often that garbage collection takes a quarter of the time. */
export class GcPressure {
  readonly #timer: NodeJS.Timeout;
  readonly #observer: PerformanceObserver;
  #caches: object[] = [];
  #cachesPerInterval = 1;
  #intervals = 0;
  #collectedMs = 0;
  #changedMs = performance.now();

  constructor() {
    this.#observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) this.#collectedMs += duration;
    });
    this.#observer.observe({ entryTypes: ['gc'] });
    this.#timer = setInterval(() => this.#rebuild(), INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#observer.disconnect();
    this.#caches = [];
  }

  #rebuild(): void {
    for (let i = 0; i < this.#cachesPerInterval; i++)
      this.#caches = [createCache(), ...this.#caches].slice(0, KEPT_CACHES);
    this.#intervals += 1;
    if (this.#intervals % INTERVALS_PER_CHANGE > 0) return;
    const nowMs = performance.now();
    const change = this.#collectedMs < TARGET_SHARE * (nowMs - this.#changedMs) ? 1 : -1;
    this.#cachesPerInterval = Math.max(1, Math.min(MAX_CACHES, this.#cachesPerInterval + change));
    this.#collectedMs = 0;
    this.#changedMs = nowMs;
  }
}

function createCache(): object {
  return new Map(Array.from({ length: ENTRIES }, (_, i) => [i, { price: i, free: [i] }]));
}
