// Starts the OpenTelemetry SDK before the application. Perfscope stores its metrics and spans in QuestDB, and
// Prometheus can scrape the same metrics.
const { PrometheusExporter } = require('@opentelemetry/exporter-prometheus');
const { HostMetrics } = require('@opentelemetry/host-metrics');
const { ExpressInstrumentation } = require('@opentelemetry/instrumentation-express');
const { HttpInstrumentation } = require('@opentelemetry/instrumentation-http');
const { RuntimeNodeInstrumentation } = require('@opentelemetry/instrumentation-runtime-node');
const { NodeSDK } = require('@opentelemetry/sdk-node');
const { perfscopeConfiguration } = require('@perfscope/agent/opentelemetry');

// Prometheus' own requests aren't requests to the service.
const http = new HttpInstrumentation({
  ignoreIncomingRequestHook: ({ url }) => url === '/metrics',
});
const perfscope = perfscopeConfiguration();
const prometheusPort = Number(process.env.PROMETHEUS_PORT ?? 9464);
const sdk = new NodeSDK({
  ...perfscope,
  metricReaders: [
    ...perfscope.metricReaders,
    new PrometheusExporter({ host: '127.0.0.1', port: prometheusPort }),
  ],
  instrumentations: [http, new ExpressInstrumentation(), new RuntimeNodeInstrumentation()],
});
sdk.start();
new HostMetrics().start();

// Exports the last interval. Without this, the process would lose it.
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    void sdk.shutdown().finally(() => process.exit());
  });
}
