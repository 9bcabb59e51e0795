// Starts `NodeSDK` with Perfscope's exporters, and keeps everything that the SDK exports in memory. The modules are
// parameters, because each module system has its own copies.
const SDK_KEY = Symbol.for('node-sdk');

/** Wraps an exporter so that each export is also added to `exported`, as JSON. */
function record(exporter, exported) {
  const { export: send } = exporter;
  exporter.export = (data, done) => {
    exported.push(...toPlain(data));
    send.call(exporter, data, done);
  };
  return exporter;
}

function toPlain(data) {
  if (Array.isArray(data)) {
    return data.map(({ name, kind, attributes, startTime, endTime, status }) => {
      return structuredClone({ name, kind, attributes, startTime, endTime, status });
    });
  }
  return data.scopeMetrics.flatMap(({ metrics }) => structuredClone(metrics));
}

exports.startSdk = ({ sdkNode, sdkMetrics, perfscope, hostMetrics, instrumentations }) => {
  const { QuestDBMetricExporter, QuestDBSpanExporter } = perfscope;
  const exported = { metrics: [], spans: [] };
  const exporter = record(new QuestDBMetricExporter(), exported.metrics);
  if (process.env.TEMPORALITY === 'cumulative') exporter.selectAggregationTemporality = () => 1;
  if (process.env.AGGREGATION === 'default') exporter.selectAggregation = () => ({ type: 0 });
  const reader = new sdkMetrics.PeriodicExportingMetricReader({ exporter });
  const sdk = new sdkNode.NodeSDK({
    metricReaders: [reader],
    traceExporter: record(new QuestDBSpanExporter(), exported.spans),
    logRecordProcessors: [],
    instrumentations,
  });
  sdk.start();
  new hostMetrics.HostMetrics({ name: 'host-metrics' }).start();
  Object.defineProperty(globalThis, SDK_KEY, { value: { sdk, reader, exported } });
};
