// Starts an OpenTelemetry SDK from a CommonJS module.
const { NodeSDK } = require('@opentelemetry/sdk-node');
const {
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} = require('@opentelemetry/sdk-metrics');
const { startSdk } = require('./opentelemetry-exercise.cjs');

startSdk({ NodeSDK, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader });
