import type { Meter } from '@opentelemetry/api';
import type { DatabaseRecorder } from './databases/database-recorder.ts';
import type { PoolMetrics } from './databases/pool-metrics.ts';
import type { HistogramRegistry } from './histograms/histogram-registry.ts';
import type { OutgoingRecorder } from './outgoing/outgoing-recorder.ts';
import type { QueueRecorder } from './queues/queue-recorder.ts';
import type { RequestInstrumentation } from './requests/http.ts';

/** The parts of the agent that receive the measurements of libraries. */
export interface InstrumentationContext {
  readonly histograms: HistogramRegistry;
  /** Returns the meter of a scope, such as `perfscope.db`. */
  readonly getMeter: (scope: string) => Meter;
  readonly databases: DatabaseRecorder;
  readonly pools: PoolMetrics;
  readonly outgoing: OutgoingRecorder;
  readonly queues: QueueRecorder;
  readonly requests: RequestInstrumentation;
}
