// Starts an OpenTelemetry SDK that records values all the time..
const { MeterProvider } = require('@opentelemetry/sdk-metrics');

const SDK_KEY = Symbol.for('host-safety.sdk');

/** @param components reader and span processor, or undefined */
exports.startSdk = (components) => {
  const { metricReaders = [], spanProcessors = [] } = components ?? {};
  const provider = new MeterProvider({ readers: metricReaders });
  const meter = provider.getMeter('app');
  const orders = meter.createCounter('orders');
  const duration = meter.createHistogram('http.server.request.duration', { unit: 's' });
  meter.createObservableGauge('temperature').addCallback((result) => result.observe(21));
  const record = () => {
    orders.add(1);
    duration.record(0.02, { 'http.route': '/rooms/:id', 'http.request.method': 'GET' });
    for (const processor of spanProcessors) processor.onEnd(createSpan());
  };
  record();
  setInterval(record, 20).unref();
  const shutdown = async () => {
    await Promise.all([provider.shutdown(), ...spanProcessors.map((each) => each.shutdown())]);
  };
  const forceFlush = () => provider.forceFlush();
  Object.defineProperty(globalThis, SDK_KEY, { value: { forceFlush, shutdown } });
};

let spans = 0;
function createSpan() {
  const spanId = String(++spans).padStart(16, '0');
  const [seconds, nanoseconds] = [Math.floor(Date.now() / 1000), 0];
  return {
    name: 'set',
    kind: 2,
    spanContext: () => ({ traceId: spanId.repeat(2), spanId }),
    startTime: [seconds, nanoseconds],
    endTime: [seconds, nanoseconds + 2_000_000],
    status: { code: 0 },
    attributes: { 'db.system': 'redis', 'db.operation.name': 'set' },
    events: [],
    resource: { attributes: { 'service.name': 'booking' } },
    instrumentationScope: { name: 'ioredis' },
  };
}
