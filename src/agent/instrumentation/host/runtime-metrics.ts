import {
  constants,
  type EventLoopUtilization,
  monitorEventLoopDelay,
  PerformanceObserver,
  type PerformanceObserverEntryList,
  performance as threadPerformance,
} from 'node:perf_hooks';
import type { Meter, ObservableCallback } from '@opentelemetry/api';
import { guard } from '../../../core/guard.ts';
import { addCollection } from '../context/event-loop-blocks.ts';

/** Event loop delay in ms, over at least the last second. */
export interface EventLoopSample {
  mean: number;
  p50: number;
  p99: number;
  max: number;
  /** Percentage of the time in which the event loop of this thread was active. */
  utilization: number;
}

const RESOLUTION_MS = 10;
const MIN_SAMPLE_INTERVAL_MS = 1000;

/** Samples the event loop delay at most once per second, because all callers share a histogram. */
export class EventLoopSampler {
  readonly #histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #utilization: EventLoopUtilization;
  #sample: EventLoopSample | undefined;
  #sampledMs: number;

  constructor(nowMs: number = performance.now()) {
    this.#sampledMs = nowMs;
    this.#utilization = threadPerformance.eventLoopUtilization();
    this.#histogram.enable();
  }

  /** @returns the last sample, or undefined during the first second */
  sample(nowMs: number = performance.now()): EventLoopSample | undefined {
    if (nowMs - this.#sampledMs >= MIN_SAMPLE_INTERVAL_MS && this.#histogram.count > 0) {
      const h = this.#histogram;
      const utilization = threadPerformance.eventLoopUtilization();
      const { utilization: share } = threadPerformance.eventLoopUtilization(
        utilization,
        this.#utilization,
      );
      this.#utilization = utilization;
      this.#sample = {
        mean: toDelayMs(h.mean),
        p50: toDelayMs(h.percentile(50)),
        p99: toDelayMs(h.percentile(99)),
        max: toDelayMs(h.max),
        utilization: 100 * share,
      };
      h.reset();
      this.#sampledMs = nowMs;
    }
    return this.#sample;
  }

  stop(): void {
    this.#histogram.disable();
  }
}

/** Converts ns to ms, and subtracts the timer interval that Node.js includes in the delay. */
function toDelayMs(ns: number): number {
  return Math.max(0, ns / 1e6 - RESOLUTION_MS);
}

const GC_KINDS = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);

/**
 * Records event loop delay, garbage collection, and memory. The metric names follow
 * https://opentelemetry.io/docs/specs/semconv/runtime/nodejs-metrics/ and …/v8js-metrics/.
 *
 * @returns a function that stops the garbage collection metrics
 */
export function instrumentRuntime(meter: Meter, eventLoop: EventLoopSampler): () => void {
  for (const part of ['mean', 'p50', 'p99', 'max'] as const) {
    meter
      .createObservableGauge(`nodejs.eventloop.delay.${part}`, {
        unit: 's',
        description: `Event loop delay: ${part}.`,
      })
      .addCallback(
        guardCallback((result) => {
          const sample = eventLoop.sample();
          if (sample) result.observe(sample[part] / 1000);
        }),
      );
  }
  meter
    .createObservableGauge('nodejs.eventloop.utilization', {
      unit: '1',
      description: 'Share of the time in which the event loop was active.',
    })
    .addCallback(
      guardCallback((result) => {
        const sample = eventLoop.sample();
        if (sample) result.observe(sample.utilization / 100);
      }),
    );
  // Loaded here, because applications don't need it at startup.
  const { getHeapStatistics } = process.getBuiltinModule('node:v8');
  meter
    .createObservableGauge('v8js.memory.heap.used', {
      unit: 'By',
      description: 'Used heap memory.',
    })
    .addCallback(guardCallback((result) => result.observe(getHeapStatistics().used_heap_size)));
  meter
    .createObservableGauge('v8js.memory.heap.limit', {
      unit: 'By',
      description: 'Maximum heap size.',
    })
    .addCallback(guardCallback((result) => result.observe(getHeapStatistics().heap_size_limit)));
  meter
    .createObservableGauge('process.memory.usage', {
      unit: 'By',
      description: 'Resident set size of the process.',
    })
    .addCallback(guardCallback((result) => result.observe(process.memoryUsage.rss())));
  return observeGc(meter);
}

function observeGc(meter: Meter): () => void {
  const duration = meter.createHistogram('v8js.gc.duration', {
    unit: 's',
    description: 'Duration of garbage collections.',
    advice: { explicitBucketBoundaries: [0.01, 0.1, 1, 10] },
  });
  const recordEntries = (list: PerformanceObserverEntryList) => {
    for (const entry of list.getEntries()) {
      addCollection(entry.startTime, entry.duration);
      const { kind } = (entry as { detail?: { kind?: number } }).detail ?? {};
      duration.record(entry.duration / 1000, {
        'v8js.gc.type': GC_KINDS.get(kind ?? 0) ?? 'other',
      });
    }
  };
  const observer = new PerformanceObserver(guard('the garbage collection metrics', recordEntries));
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
}

function guardCallback(callback: ObservableCallback): ObservableCallback {
  return guard('the runtime metrics', callback);
}
