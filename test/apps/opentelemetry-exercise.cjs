// Records metrics and spans with an OpenTelemetry SDK, stops it, and starts another one, like a test suite. Prints
// everything that the application can observe, without times and random IDs.
const SDK_KEY = Symbol.for('opentelemetry-sdk');

/**
 * Starts an SDK whose exporters keep everything in memory, and keeps it for the application, which can be another
 * module system.
 */
exports.startSdk = ({ NodeSDK, ...sdkMetrics }) => {
  const { InMemoryMetricExporter, PeriodicExportingMetricReader } = sdkMetrics;
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
  const value = { ...sdkMetrics, sdk, reader, metricExporter, spans };
  Object.defineProperty(globalThis, SDK_KEY, { value });
};

/** Returns the values of an export, without times. */
function summarize(exportedMetrics) {
  const scopes = exportedMetrics.at(-1)?.scopeMetrics ?? [];
  return scopes
    .flatMap(({ metrics }) => metrics)
    .filter(({ descriptor }) => !descriptor.name.startsWith('otel.'))
    .flatMap(({ descriptor: { name, unit, type }, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => {
        const { count, sum } = value;
        return { name, unit, type, attributes, value: count === undefined ? value : [count, sum] };
      }),
    );
}

/** Creates one instrument of each kind, and records values. */
function recordMetrics(meter, prefix, calls) {
  const counter = meter.createCounter(`${prefix}orders`, { unit: '{order}' });
  counter.add(1);
  counter.add(2, undefined);
  meter.createUpDownCounter(`${prefix}guests`).add(-2, { floor: 1 });
  meter.createHistogram(`${prefix}price`, { unit: 'EUR' }).record(80, { room: 'double' });
  meter.createGauge(`${prefix}temperature`).record(21);
  // The agent records this metric itself, so it must not be stored twice.
  meter.createHistogram('http.server.request.duration', { unit: 's' }).record(5);
  const observable = meter.createObservableGauge(`${prefix}since.last.call`);
  const takeCalls = (result) => {
    calls.gauge += 1;
    result.observe(calls.gauge, { kind: 'single' });
  };
  observable.addCallback(takeCalls);
  const failing = meter.createObservableCounter(`${prefix}failing`);
  failing.addCallback(async (result) => {
    result.observe(1);
    throw new Error('no connection');
  });
  const removed = () => {
    calls.removed += 1;
  };
  observable.addCallback(removed);
  observable.removeCallback(removed);
  const first = meter.createObservableCounter(`${prefix}first`);
  const second = meter.createObservableUpDownCounter(`${prefix}second`);
  const batch = async (result) => {
    calls.batch += 1;
    await null;
    result.observe(first, 11);
    result.observe(second, 12);
  };
  meter.addBatchObservableCallback(batch, [first, second]);
  meter.addBatchObservableCallback(removed, [first]);
  meter.removeBatchObservableCallback(removed, [first]);
  counter.add(-1);
  counter.add(10n);
}

exports.exercise = async (api) => {
  const { context, createContextKey, diag, metrics, propagation, trace } = api;
  const sdk = globalThis[SDK_KEY];
  const printed = {};
  const messages = [];
  const write = (message) => messages.push(String(message).split('\n')[0]);
  diag.setLogger({ error: write, warn: write, info: write, debug: () => {}, verbose: () => {} });
  const calls = { gauge: 0, batch: 0, removed: 0 };
  const meter = metrics.getMeter('app', '1.0');
  recordMetrics(meter, '', calls);
  printed.sameMeter = meter === metrics.getMeter('app', '1.0');
  const key = createContextKey('key');
  trace.getTracer('app').startActiveSpan('checkout', (parent) => {
    context.with(context.active().setValue(key, 'value'), () => {
      trace.getTracer('app').startSpan('pay').end();
      printed.context = context.active().getValue(key);
    });
    printed.active = trace.getActiveSpan() === parent && parent.isRecording();
    const carrier = {};
    propagation.inject(context.active(), carrier);
    printed.carrier = Object.keys(carrier);
    parent.end();
  });
  if (sdk) {
    await sdk.reader.forceFlush();
    printed.metrics = summarize(sdk.metricExporter.getMetrics());
    // Without an SDK, the agent calls the callbacks at any time.
    if (printed.metrics.length > 0) printed.calls = { ...calls };
    printed.spans = sdk.spans.map(({ name, parentSpanContext }) => [
      name,
      Boolean(parentSpanContext),
    ]);
    printed.duplicate = metrics.setGlobalMeterProvider(new sdk.MeterProvider());
    await sdk.sdk.shutdown();
    metrics.getMeter('late').createCounter('late').add(1);
  }
  metrics.disable();
  trace.disable();
  context.disable();
  printed.disabled = trace.getActiveSpan() === undefined;
  if (sdk) {
    const exporter = new sdk.InMemoryMetricExporter(1);
    const reader = new sdk.PeriodicExportingMetricReader({ exporter });
    const provider = new sdk.MeterProvider({ readers: [reader] });
    printed.again = metrics.setGlobalMeterProvider(provider);
    printed.identity = metrics.getMeterProvider() === provider;
    recordMetrics(metrics.getMeter('again'), 'again.', { gauge: 0, batch: 0, removed: 0 });
    await reader.forceFlush();
    printed.againMetrics = summarize(exporter.getMetrics());
  }
  printed.messages = messages;
  printed.globals = Object.keys(globalThis);
  console.log(JSON.stringify(printed));
};
