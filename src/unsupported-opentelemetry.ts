// Replaces the components for the OpenTelemetry SDK on unsupported runtimes: exports succeed and store nothing.

type ResultCallback = (result: { code: number }) => void;

class InactiveExporter {
  readonly notStored = { rejected: {}, ignored: {} };

  export(_data: unknown, resultCallback: ResultCallback): void {
    resultCallback({ code: 0 });
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}

export class QuestDBMetricExporter extends InactiveExporter {
  /** Returns the default aggregation. */
  selectAggregation(): { type: number } {
    return { type: 0 };
  }

  /** Returns delta temporality, which needs the least memory. */
  selectAggregationTemporality(): number {
    return 0;
  }
}

export class QuestDBSpanExporter extends InactiveExporter {}

/** Returns a span processor that does nothing, so that the SDK still propagates the trace context. */
export function perfscopeConfiguration() {
  const spanProcessor = {
    onStart: () => {},
    onEnd: () => {},
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  return { metricReaders: [], spanProcessors: [spanProcessor] };
}
