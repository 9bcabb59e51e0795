import { metrics } from '@opentelemetry/api';
import { PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { registerOTel } from '@vercel/otel';

const EXPORT_INTERVAL_MS = 200;
const SUCCESS = { code: 0 };

function print(item) {
  console.log(`telemetry: ${JSON.stringify(item)}`);
}

class Exporter {
  async forceFlush() {}
  async shutdown() {}
}

class SpanPrinter extends Exporter {
  export(spans, done) {
    for (const { name, kind, attributes, status } of spans)
      print({ name, kind, attributes, status });
    done(SUCCESS);
  }
}

class MetricPrinter extends Exporter {
  export({ scopeMetrics }, done) {
    for (const { metrics: each } of scopeMetrics)
      for (const { descriptor, dataPoints } of each)
        print({ metric: descriptor.name, values: dataPoints.map(({ value }) => value) });
    done(SUCCESS);
  }
}

/** Starts the application's own OpenTelemetry SDK. It prints its spans and metrics. */
export function startTelemetry() {
  const exporter = new MetricPrinter();
  const exportIntervalMillis = EXPORT_INTERVAL_MS;
  registerOTel({
    serviceName: 'own-sdk',
    spanProcessors: [new SimpleSpanProcessor(new SpanPrinter())],
    metricReaders: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis })],
  });
  metrics.getMeter('app').createCounter('starts').add(1);
}
