import { findAgentModule } from '../agent-module.ts';
import type { Sink } from './sink.ts';

/** How to start a service with an agent. */
export interface Agent {
  name: string;
  flags: readonly string[];
  env: NodeJS.ProcessEnv;
}

export const NO_AGENT: Agent = { name: 'none', flags: [], env: {} };

/**
 * Returns the Perfscope agent of this checkout, and of another checkout if `compare` is set.
 *
 * @param questdb environment variables with the QuestDB that the agents write to
 * @param compare folder of the other checkout
 */
export function listPerfscopeAgents(
  questdb: NodeJS.ProcessEnv,
  compare: string | undefined,
): Agent[] {
  const checkouts = [
    ['perfscope', '.'],
    ...(compare ? [[`perfscope in ${compare}`, compare]] : []),
  ];
  return checkouts.map(([name, checkout]) => ({
    name: name!,
    flags: ['--import', findAgentModule(checkout!, 'register.js')],
    env: questdb,
  }));
}

/**
 * Returns the agents of other projects, each set up as described in its documentation.
 *
 * @param sink servers that accept all data
 */
export function listOtherAgents(sink: Sink): Agent[] {
  const { httpUrl, tlsPort, certificateFile } = sink;
  return [
    { name: 'express-prom-bundle', flags: [], env: {} },
    {
      name: 'opentelemetry-auto',
      flags: ['--require', '@opentelemetry/auto-instrumentations-node/register'],
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl, OTEL_LOG_LEVEL: 'none' },
    },
    {
      name: 'dd-trace',
      flags: ['--require', 'dd-trace/init'],
      env: {
        DD_TRACE_AGENT_URL: httpUrl,
        DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false',
        DD_REMOTE_CONFIGURATION_ENABLED: 'false',
        DD_TRACE_STARTUP_LOGS: 'false',
      },
    },
    {
      name: 'elastic-apm-node',
      flags: ['--require', 'elastic-apm-node/start.js'],
      env: {
        ELASTIC_APM_SERVER_URL: httpUrl,
        ELASTIC_APM_SERVICE_NAME: 'bench',
        ELASTIC_APM_CENTRAL_CONFIG: 'false',
        ELASTIC_APM_CLOUD_PROVIDER: 'none',
        ELASTIC_APM_LOG_LEVEL: 'off',
      },
    },
    {
      name: 'newrelic',
      flags: ['--require', 'newrelic'],
      env: {
        NEW_RELIC_APP_NAME: 'bench',
        NEW_RELIC_LICENSE_KEY: '0'.repeat(40),
        NEW_RELIC_HOST: 'localhost',
        NEW_RELIC_PORT: String(tlsPort),
        NEW_RELIC_LOG_ENABLED: 'false',
        NODE_EXTRA_CA_CERTS: certificateFile,
      },
    },
    {
      name: '@sentry/node',
      flags: ['--require', './sentry.cjs'],
      env: { SENTRY_DSN: httpUrl.replace('://', '://key@').concat('/1') },
    },
  ];
}

/** Rotates the agents, so that each round starts with a different one and no agent benefits from its position. */
export function rotate<T>(agents: readonly T[], round: number): T[] {
  const start = round % agents.length;
  return [...agents.slice(start), ...agents.slice(0, start)];
}
