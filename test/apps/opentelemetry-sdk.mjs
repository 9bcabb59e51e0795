// Starts an OpenTelemetry SDK from an ES module.
import {
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { startSdk } from './opentelemetry-exercise.cjs';

startSdk({ NodeSDK, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader });
