// Starts an OpenTelemetry SDK with the standard instrumentations. Loaded with `--import`.
import { register } from 'node:module';
import * as hostMetrics from '@opentelemetry/host-metrics';
import { ExpressInstrumentation } from '@opentelemetry/instrumentation-express';
import { FastifyInstrumentation } from '@opentelemetry/instrumentation-fastify';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { IORedisInstrumentation } from '@opentelemetry/instrumentation-ioredis';
import { MySQL2Instrumentation } from '@opentelemetry/instrumentation-mysql2';
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg';
import { RuntimeNodeInstrumentation } from '@opentelemetry/instrumentation-runtime-node';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import * as sdkMetrics from '@opentelemetry/sdk-metrics';
import * as sdkNode from '@opentelemetry/sdk-node';
import * as perfscope from '@perfscope/agent/opentelemetry';
import { startSdk } from './node-sdk-setup.cjs';

register('@opentelemetry/instrumentation/hook.mjs', import.meta.url);
startSdk({
  sdkNode,
  sdkMetrics,
  hostMetrics,
  perfscope,
  instrumentations: [
    new HttpInstrumentation(),
    new ExpressInstrumentation(),
    new FastifyInstrumentation(),
    new PgInstrumentation(),
    new MySQL2Instrumentation(),
    new IORedisInstrumentation(),
    new UndiciInstrumentation(),
    new RuntimeNodeInstrumentation(),
  ],
});
