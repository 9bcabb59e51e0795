// Uses the components for the OpenTelemetry SDK with the types of the SDK. test/e2e/node-sdk.test.ts compiles this file
// with SDK 2.x and 3.x.
import {
  type IMetricReader,
  MeterProvider,
  PeriodicExportingMetricReader,
  type PushMetricExporter,
} from '@opentelemetry/sdk-metrics';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { type SpanExporter, type SpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import {
  perfscopeConfiguration,
  QuestDBMetricExporter,
  QuestDBSpanExporter,
} from '@perfscope/agent/opentelemetry';

const metricExporter: PushMetricExporter = new QuestDBMetricExporter({ url: 'http://db:9000' });
const spanExporter: SpanExporter = new QuestDBSpanExporter({ token: 'secret' });
const perfscope = perfscopeConfiguration({ exportIntervalMs: 5000 });
const readers: IMetricReader[] = perfscope.metricReaders;
const spanProcessors: SpanProcessor[] = perfscope.spanProcessors;

export const sdks: unknown[] = [
  new NodeSDK({ ...perfscopeConfiguration(), instrumentations: [] }),
  new NodeSDK({
    ...perfscope,
    metricReaders: [
      ...perfscope.metricReaders,
      new PeriodicExportingMetricReader({ exporter: metricExporter }),
    ],
    spanProcessors: [...perfscope.spanProcessors, ...spanProcessors],
  }),
  new NodeSDK({ traceExporter: spanExporter }),
  new MeterProvider({ readers }),
  new TracerProvider({ spanProcessors }),
];
