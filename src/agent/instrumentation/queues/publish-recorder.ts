import type { Attributes } from '@opentelemetry/api';
import { endOperation, type Operation, startOperation } from '../context/operations.ts';
import type { HistogramRegistry } from '../histograms/histogram-registry.ts';
import type { KeyedHistogram } from '../histograms/keyed-histogram.ts';
import { getErrorType } from './job-error.ts';

/** Bucket boundaries of the semantic conventions, in seconds. */
const BOUNDARIES_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** A message, or several ones, that are being published. */
export interface Publishing {
  readonly operation: Operation;
  /** Name of the queue, topic, or exchange. */
  readonly destination: string;
}

/**
 * Records publishing as a queue operation of the current request or job, and as `messaging.client.operation.duration`. See
 * https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/. The methods must be called in guarded code.
 */
export class PublishRecorder {
  readonly #histogram: KeyedHistogram;
  readonly #system: string;
  readonly #operationName: string;

  /**
   * @param system value of `messaging.system`
   * @param operationName name of the operation in the library, such as `publish`
   */
  constructor(histograms: HistogramRegistry, system: string, operationName: string) {
    this.#histogram = getHistogram(histograms);
    this.#system = system;
    this.#operationName = operationName;
  }

  start(destination: string): Publishing {
    return { operation: startOperation('queue'), destination };
  }

  /** Does nothing if the operation has ended. */
  end({ operation, destination }: Publishing, failure?: { error: unknown }): void {
    if (operation.ended) return;
    const errorType = failure && getErrorType(failure.error);
    const durationMs = performance.now() - operation.startMs;
    endOperation(operation, destination, failure !== undefined);
    const key = `${this.#system}\n${destination}\n${errorType ?? ''}`;
    const common = {
      'messaging.system': this.#system,
      'messaging.operation.name': this.#operationName,
      'messaging.operation.type': 'send',
      ...(errorType !== undefined && { 'error.type': errorType }),
    };
    const createAttributes = (): Attributes => ({
      ...common,
      'messaging.destination.name': destination,
    });
    this.#histogram.record(durationMs / 1000, key, createAttributes, common);
  }
}

/** All libraries share one histogram, because a metric can exist only once. */
const histogramsByRegistry = new WeakMap<HistogramRegistry, KeyedHistogram>();

function getHistogram(registry: HistogramRegistry): KeyedHistogram {
  const known = histogramsByRegistry.get(registry);
  if (known !== undefined) return known;
  const histogram = registry.create({
    scope: 'perfscope.queue',
    name: 'messaging.client.operation.duration',
    unit: 's',
    description: 'Time to publish messages.',
    boundaries: BOUNDARIES_S,
  });
  histogramsByRegistry.set(registry, histogram);
  return histogram;
}
