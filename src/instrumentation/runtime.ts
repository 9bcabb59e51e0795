import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Meter } from '@opentelemetry/api';
import type { EventLoopSampler } from './event-loop-sampler.ts';

const GC_KINDS = new Map([
  [constants.NODE_PERFORMANCE_GC_MAJOR, 'major'],
  [constants.NODE_PERFORMANCE_GC_MINOR, 'minor'],
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL, 'incremental'],
  [constants.NODE_PERFORMANCE_GC_WEAKCB, 'weakcb'],
]);

/**
 * Measures event loop, garbage collection and heap by the names of
 * https://opentelemetry.io/docs/specs/semconv/runtime/nodejs-metrics/ and …/v8js-metrics/.
 *
 * @returns a function that stops it
 */
export function instrumentRuntime(meter: Meter, loop: EventLoopSampler): () => void {
  for (const part of ['mean', 'p50', 'p99', 'max'] as const) {
    meter
      .createObservableGauge(`nodejs.eventloop.delay.${part}`, {
        unit: 's',
        description: `Delay of the event loop: ${part}.`,
      })
      .addCallback((result) => {
        const sample = loop.sample();
        if (sample) result.observe(sample[part] / 1000);
      });
  }
  meter
    .createObservableGauge('v8js.memory.heap.used', {
      unit: 'By',
      description: 'Heap that is in use.',
    })
    .addCallback((result) => result.observe(getHeapStatistics().used_heap_size));
  meter
    .createObservableGauge('v8js.memory.heap.limit', {
      unit: 'By',
      description: 'Heap that may be used at most.',
    })
    .addCallback((result) => result.observe(getHeapStatistics().heap_size_limit));
  meter
    .createObservableGauge('process.memory.usage', {
      unit: 'By',
      description: 'Memory of the process that is resident.',
    })
    .addCallback((result) => result.observe(process.memoryUsage.rss()));
  return observeGc(meter);
}

function observeGc(meter: Meter): () => void {
  const duration = meter.createHistogram('v8js.gc.duration', {
    unit: 's',
    description: 'Duration of garbage collections.',
    advice: { explicitBucketBoundaries: [0.01, 0.1, 1, 10] },
  });
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind } = (entry as { detail?: { kind?: number } }).detail ?? {};
      duration.record(entry.duration / 1000, {
        'v8js.gc.type': GC_KINDS.get(kind ?? 0) ?? 'other',
      });
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
}
