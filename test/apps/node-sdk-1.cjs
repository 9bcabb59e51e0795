// Uses each kind of instrument, a view, and spans of SDK 1.x, with Perfscope's exporters.
const { ROOT_CONTEXT, SpanKind } = require('@opentelemetry/api');
const sdk = require('@opentelemetry/sdk-metrics');
const { BasicTracerProvider, SimpleSpanProcessor } = require('@opentelemetry/sdk-trace-base');
const perfscope = require('@perfscope/agent/opentelemetry');

const { metricReader, spanProcessors } = perfscope.perfscopeConfiguration();
const exporter = new perfscope.QuestDBMetricExporter();
const memory = new sdk.InMemoryMetricExporter(sdk.AggregationTemporality.CUMULATIVE);
const otherReader = new sdk.PeriodicExportingMetricReader({ exporter: memory });
const meters = new sdk.MeterProvider({
  readers: [metricReader, new sdk.PeriodicExportingMetricReader({ exporter }), otherReader],
  views: [new sdk.View({ instrumentName: 'viewed', aggregation: sdk.Aggregation.Sum() })],
});
const meter = meters.getMeter('app');
meter.createCounter('orders').add(1);
meter.createUpDownCounter('open').add(1);
meter.createHistogram('price').record(1);
meter.createGauge('level').record(1);
meter.createCounter('viewed').add(1);
for (const kind of ['Counter', 'UpDownCounter', 'Gauge']) {
  meter[`createObservable${kind}`](`observable${kind}`).addCallback((result) => result.observe(1));
}
const tracers = new BasicTracerProvider({
  spanProcessors: [...spanProcessors, new SimpleSpanProcessor(new perfscope.QuestDBSpanExporter())],
});
tracers.getTracer('app').startSpan('GET /', { kind: SpanKind.SERVER }, ROOT_CONTEXT).end();

(async () => {
  await meters.forceFlush();
  await tracers.forceFlush();
  const [{ scopeMetrics }] = memory.getMetrics();
  console.log(scopeMetrics[0].metrics.map(({ descriptor }) => descriptor.name).join());
  await meters.shutdown();
  await tracers.shutdown();
})();
