import { createNoopMeter, type Meter } from '@opentelemetry/api';
import {
  DatabaseRecorder,
  type FailedConnect,
} from '../../src/agent/instrumentation/databases/database-recorder.ts';
import { createPoolMetrics } from '../../src/agent/instrumentation/databases/pool-metrics.ts';
import { HistogramRegistry } from '../../src/agent/instrumentation/histograms/histogram-registry.ts';
import type { InstrumentationContext } from '../../src/agent/instrumentation/instrumentation-context.ts';
import type { Library } from '../../src/agent/instrumentation/loading/library.ts';
import { OutgoingRecorder } from '../../src/agent/instrumentation/outgoing/outgoing-recorder.ts';
import type { QueueRecorder } from '../../src/agent/instrumentation/queues/queue-recorder.ts';
import { RequestRecorder } from '../../src/agent/instrumentation/requests/request-recorder.ts';
import { RequestSampler } from '../../src/agent/instrumentation/requests/request-sampler.ts';

export interface TestContextOptions {
  histograms?: HistogramRegistry;
  /** Default: a meter that records nothing. */
  meter?: Meter;
  onQuery?: (durationMs: number) => void;
  onFailedConnect?: (failure: FailedConnect) => void;
  queues?: Partial<QueueRecorder>;
}

/** Creates the parts of the agent that receive measurements, without an agent. */
export function createTestContext(options: TestContextOptions = {}): InstrumentationContext {
  const {
    histograms = new HistogramRegistry(() => {}),
    meter = createNoopMeter(),
    onQuery = () => {},
    onFailedConnect = () => {},
  } = options;
  return {
    histograms,
    getMeter: () => meter,
    databases: new DatabaseRecorder({ histograms, onQuery, onFailedConnect }),
    pools: createPoolMetrics(meter, histograms),
    outgoing: new OutgoingRecorder(histograms),
    requests: {
      recorder: new RequestRecorder({
        histograms,
        onRequest: () => {},
        sampler: new RequestSampler(),
      }),
      isIgnored: () => false,
      resolveTenant: () => undefined,
    },
    queues: {
      onTransition: () => {},
      onUnlistedTransition: () => {},
      gauges: { add() {} },
      includeJobData: false,
      usesMessageHeaders: true,
      readSqsDepth: true,
      ...options.queues,
    },
  };
}

/** Patches the exports of a CommonJS file of a library, as the agent does. */
export function applyPatch(
  library: Library,
  context: InstrumentationContext,
  path: string,
  exports: unknown,
): unknown {
  const patch = library.instrument?.(context).patches?.[path];
  if (!patch) throw new Error(`${library.name} has no patch for ${path}`);
  return patch(exports, { version: library.versions.from, path, folder: '' });
}
