/**
 * Components for applications that start the OpenTelemetry SDK themselves. They store the SDK's metrics and spans in
 * QuestDB. docs/opentelemetry.md compares them with the agent.
 *
 * @module opentelemetry
 * @sortStrategy alphabetical
 */
export type { ExporterOptions } from './agent/opentelemetry-sdk/exporter-options.ts';
export {
  type PerfscopeConfiguration,
  type PerfscopeConfigurationOptions,
  perfscopeConfiguration,
} from './agent/opentelemetry-sdk/perfscope-configuration.ts';
export { QuestDBMetricExporter } from './agent/opentelemetry-sdk/questdb-metric-exporter.ts';
export { QuestDBSpanExporter } from './agent/opentelemetry-sdk/questdb-span-exporter.ts';
export type { NotStored } from './agent/opentelemetry-sdk/rejected-data.ts';
