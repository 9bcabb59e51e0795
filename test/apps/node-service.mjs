// A service with the OpenTelemetry SDK for Node.js. It exports over OTLP, and appends each exported point to the file
// EXPORTED_FILE. When it gets SIGTERM, it writes what an in-memory reader received to the file RECORDED_FILE.
import { appendFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { defaultResource, resourceFromAttributes } from '@opentelemetry/resources';
import {
  AggregationType,
  DataPointType,
  MeterProvider,
  MetricReader,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';

const { EXPORTED_FILE, RECORDED_FILE, OTEL_METRIC_EXPORT_INTERVAL, OTEL_SERVICE_NAME } =
  process.env;
const KINDS = {
  [DataPointType.SUM]: 'Sum',
  [DataPointType.GAUGE]: 'Gauge',
  [DataPointType.HISTOGRAM]: 'Histogram',
  [DataPointType.EXPONENTIAL_HISTOGRAM]: 'ExponentialHistogram',
};

class InMemoryReader extends MetricReader {
  async onForceFlush() {}
  async onShutdown() {}
}

class LoggingExporter extends OTLPMetricExporter {
  export(metrics, done) {
    const lines = toPoints(metrics).map((point) => `${JSON.stringify(point)}\n`);
    if (EXPORTED_FILE) appendFileSync(EXPORTED_FILE, lines.join(''));
    super.export(metrics, done);
  }
}

const memory = new InMemoryReader();
const exportIntervalMillis = Number(OTEL_METRIC_EXPORT_INTERVAL ?? 60_000);
const provider = new MeterProvider({
  resource: defaultResource().merge(
    resourceFromAttributes({
      'service.name': OTEL_SERVICE_NAME,
      'service.instance.id': `node-${process.pid}`,
    }),
  ),
  readers: [
    memory,
    new PeriodicExportingMetricReader({
      exporter: new LoggingExporter(),
      exportIntervalMillis,
      exportTimeoutMillis: exportIntervalMillis,
    }),
  ],
  views: [
    {
      instrumentName: 'order.size',
      aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM },
    },
  ],
});
const meter = provider.getMeter('shop');
const orders = meter.createCounter('orders', { unit: '{order}' });
const cartItems = meter.createUpDownCounter('cart.items', { unit: '{item}' });
const temperature = meter.createGauge('room.temperature', { unit: 'Cel' });
const orderValue = meter.createHistogram('order.value', { unit: 'EUR' });
const orderSize = meter.createHistogram('order.size', { unit: 'By' });

function recordOrder(number) {
  orders.add(number, { channel: 'web' });
  orders.add(1, { channel: 'phone' });
  cartItems.add(number % 2 === 0 ? number : -1);
  temperature.record(20 + number / 10);
  orderValue.record(number * 1.5);
  orderSize.record(number * 1000);
}

function toPoints({ scopeMetrics }) {
  const metrics = scopeMetrics.flatMap((scope) => scope.metrics);
  return metrics.flatMap(({ descriptor, dataPointType, dataPoints }) =>
    dataPoints.map(({ attributes, startTime, endTime, value }) => ({
      name: descriptor.name,
      unit: descriptor.unit,
      kind: KINDS[dataPointType],
      attributes,
      startTimeMs: toMs(startTime),
      timeMs: toMs(endTime),
      ...(typeof value === 'number' ? { value } : toHistogram(value)),
    })),
  );
}

function toHistogram({ count, sum, buckets, scale, zeroCount, positive }) {
  const counts = positive
    ? {
        scale,
        zero_count: zeroCount,
        offset: positive.offset,
        bucket_counts: positive.bucketCounts,
      }
    : { explicit_bounds: buckets.boundaries, bucket_counts: buckets.counts };
  return { count, sum, ...counts };
}

const toMs = ([seconds, nanoseconds]) => seconds * 1000 + Math.floor(nanoseconds / 1e6);

const server = createServer(({ url }, response) => {
  const [, number] = /^\/orders\/(\d+)$/.exec(url) ?? [];
  if (number) recordOrder(Number(number));
  response.writeHead(number ? 200 : 404).end();
});
server.listen(0, '127.0.0.1', () => {
  console.log(`Ready: http://127.0.0.1:${server.address().port}`);
});
process.once('SIGTERM', async () => {
  server.close();
  server.closeAllConnections();
  const { resourceMetrics } = await memory.collect();
  writeFileSync(RECORDED_FILE, JSON.stringify(toPoints(resourceMetrics)));
  await provider.shutdown();
});
