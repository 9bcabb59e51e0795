import type { HistogramRegistry } from '../instrumentation/histograms/histogram-registry.ts';
import type { CounterSeries, KeyedCounter } from '../instrumentation/histograms/keyed-counter.ts';
import type { KeyedHistogram } from '../instrumentation/histograms/keyed-histogram.ts';
import type { FaasTrigger } from './lambda-event.ts';

/** Boundaries that the semantic conventions recommend, in seconds. */
const DURATION_BOUNDARIES_S = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
];
const MEMORY_BOUNDARIES_BYTES = [64, 128, 256, 512, 1024, 2048, 4096, 8192].map(
  (megabytes) => megabytes * 1024 * 1024,
);

/** What ended an invocation. */
export type InvocationOutcome = 'succeeded' | 'failed' | 'timeout';

/**
 * The metrics of a function (https://opentelemetry.io/docs/specs/semconv/faas/faas-metrics/), by trigger.
 */
export class FaasMetrics {
  readonly #durations: KeyedHistogram;
  readonly #initDurations: KeyedHistogram;
  readonly #memory: KeyedHistogram;
  readonly #cpu: KeyedHistogram;
  readonly #coldStarts: KeyedCounter;
  readonly #counters: Readonly<Record<InvocationOutcome, KeyedCounter>>;

  constructor(histograms: HistogramRegistry) {
    const scope = 'perfscope.faas';
    const seconds = { scope, unit: 's', boundaries: DURATION_BOUNDARIES_S };
    this.#durations = histograms.create({
      ...seconds,
      name: 'faas.invoke_duration',
      description: 'Duration of the invocations of the function.',
    });
    this.#initDurations = histograms.create({
      ...seconds,
      name: 'faas.init_duration',
      description: 'Time from the start of the process until the handler was loaded.',
    });
    this.#cpu = histograms.create({
      ...seconds,
      name: 'faas.cpu_usage',
      description: 'CPU time of an invocation.',
    });
    this.#memory = histograms.create({
      scope,
      unit: 'By',
      boundaries: MEMORY_BOUNDARIES_BYTES,
      name: 'faas.mem_usage',
      description: 'Resident memory at the end of an invocation.',
    });
    this.#coldStarts = histograms.createCounter({
      scope,
      unit: '{coldstart}',
      name: 'faas.coldstarts',
      description: 'Number of cold starts.',
    });
    this.#counters = {
      succeeded: histograms.createCounter({
        scope,
        unit: '{invocation}',
        name: 'faas.invocations',
        description: 'Number of successful invocations.',
      }),
      failed: histograms.createCounter({
        scope,
        unit: '{error}',
        name: 'faas.errors',
        description: 'Number of failed invocations.',
      }),
      timeout: histograms.createCounter({
        scope,
        unit: '{timeout}',
        name: 'faas.timeouts',
        description: 'Number of invocations that reached their time limit.',
      }),
    };
  }

  /** @param durationMs time from the start of the process until the handler was loaded */
  recordColdStart(trigger: FaasTrigger, durationMs: number): void {
    const createAttributes = () => ({ 'faas.trigger': trigger });
    this.#initDurations.record(durationMs / 1000, trigger, createAttributes);
    getCounter(this.#coldStarts, trigger).value += 1;
  }

  recordInvocation(
    trigger: FaasTrigger,
    outcome: InvocationOutcome,
    durationMs: number,
    cpuMicros: number,
  ): void {
    const createAttributes = () => ({ 'faas.trigger': trigger });
    this.#durations.record(durationMs / 1000, trigger, createAttributes);
    this.#cpu.record(cpuMicros / 1e6, trigger, createAttributes);
    this.#memory.record(process.memoryUsage.rss(), trigger, createAttributes);
    getCounter(this.#counters[outcome], trigger).value += 1;
  }
}

function getCounter(counter: KeyedCounter, trigger: FaasTrigger): CounterSeries {
  return counter.getSeries(trigger, () => ({ 'faas.trigger': trigger }));
}
