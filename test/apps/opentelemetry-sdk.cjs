// Starts an OpenTelemetry SDK whose exporters keep everything in memory.
const { NodeSDK } = require('@opentelemetry/sdk-node');
const {
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} = require('@opentelemetry/sdk-metrics');
const { setSdk } = require('./opentelemetry-exercise.cjs');

const metricExporter = new InMemoryMetricExporter(1);
const reader = new PeriodicExportingMetricReader({ exporter: metricExporter });
const spans = [];
const spanProcessor = {
  onStart: () => {},
  onEnd: (span) => spans.push(span),
  forceFlush: async () => {},
  shutdown: async () => {},
};
const sdk = new NodeSDK({ metricReaders: [reader], spanProcessors: [spanProcessor] });
sdk.start();
setSdk({
  sdk,
  reader,
  metricExporter,
  spans,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
});
