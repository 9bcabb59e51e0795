/*
 * A service that uses only the OpenTelemetry SDK and its OTLP exporters. Prints what the metric exporter received, as
 * JSON. With the argument `traces`, sends spans instead of metrics, and with `both`, sends both.
 */
import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

const signals = process.argv[2] ?? 'metrics';
const service = process.env.OTEL_SERVICE_NAME;
const resource = defaultResource().merge(
  resourceFromAttributes({ 'service.name': service, 'service.instance.id': `${service}-1` }),
);
const exported = [];

/** Sends metrics over OTLP, and keeps a copy. */
class RecordingExporter extends OTLPMetricExporter {
  export(metrics, onResult) {
    super.export(metrics, (result) => {
      if (result.code !== 0) console.error(result.error);
      for (const { metrics: list } of metrics.scopeMetrics) exported.push(...list);
      onResult(result);
    });
  }
}

const metricProvider = new MeterProvider({
  resource,
  readers:
    signals === 'traces'
      ? []
      : [
          new PeriodicExportingMetricReader({
            exporter: new RecordingExporter(),
            exportIntervalMillis: 3_600_000,
          }),
        ],
  views: [
    {
      instrumentName: 'payload.size',
      aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM },
    },
  ],
});
const traceProvider = new TracerProvider({
  resource,
  spanProcessors:
    signals === 'metrics' ? [] : [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
});
const meter = metricProvider.getMeter('shop', '1.0.0');
const tracer = traceProvider.getTracer('shop', '1.0.0');

/** Bounds of the semantic conventions. */
const bounds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const duration = { unit: 's', advice: { explicitBucketBoundaries: bounds } };
const requests = meter.createHistogram('http.server.request.duration', duration);
const queries = meter.createHistogram('db.client.operation.duration', duration);
const jobs = meter.createHistogram('messaging.process.duration', duration);
const payloads = meter.createHistogram('payload.size', { unit: 'By' });
const orders = meter.createCounter('orders', { unit: '{order}' });
const carts = meter.createUpDownCounter('carts', { unit: '{cart}' });
const temperature = meter.createGauge('temperature', { unit: 'Cel' });
let networkBytes = 9e9;
/** As `@opentelemetry/host-metrics`: counted since the host was started. */
meter.createObservableCounter('system.network.io', { unit: 'By' }).addCallback((result) => {
  networkBytes += 100;
  result.observe(networkBytes, { 'network.io.direction': 'receive' });
});

const ROUTES = ['/rooms/:id', '/bookings', '/bookings/:id'];

/** Handles a request, with a query and a job. */
function handle(index) {
  const failed = index % 10 === 9;
  const http = {
    'http.route': ROUTES[index % ROUTES.length],
    'http.request.method': index % 2 === 0 ? 'GET' : 'POST',
    'http.response.status_code': failed ? 500 : 200,
    ...(failed && { 'error.type': '500' }),
  };
  const db = {
    'db.system.name': 'postgresql',
    'db.operation.name': 'SELECT',
    'db.query.text': 'SELECT * FROM bookings WHERE id = $1',
  };
  const job = { 'messaging.system': 'bullmq', 'messaging.destination.name': 'emails' };
  const seconds = 0.01 * (1 + (index % 7));
  requests.record(seconds, http);
  queries.record(seconds / 2, db);
  jobs.record(seconds / 4, job);
  payloads.record(100 * (index + 1));
  orders.add(1, { channel: index % 3 === 0 ? 'web' : 'phone' });
  carts.add(index % 2 === 0 ? 2 : -1);
  temperature.record(20 + index / 10);
  addSpan(`${http['http.request.method']} ${http['http.route']}`, SpanKind.SERVER, seconds, http);
  addSpan('SELECT bookings', SpanKind.CLIENT, seconds / 2, db);
  addSpan('emails process', SpanKind.CONSUMER, seconds / 4, {
    ...job,
    'messaging.operation.type': 'process',
  });
}

function addSpan(name, kind, seconds, attributes) {
  const endTime = Date.now();
  const span = tracer.startSpan(name, { kind, attributes, startTime: endTime - seconds * 1000 });
  if (attributes['error.type']) {
    span.recordException(new Error('the booking failed'));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end(endTime);
}

for (let round = 0; round < 3; round++) {
  for (let i = 0; i < 40; i++) handle(round * 40 + i);
  await metricProvider.forceFlush();
  await traceProvider.forceFlush();
}
await metricProvider.shutdown();
await traceProvider.shutdown();
console.log(JSON.stringify(exported));
