import { resolve } from 'node:path';

/** How to start a service with an agent. */
export interface Agent {
  name: string;
  flags: readonly string[];
  env: NodeJS.ProcessEnv;
}

/**
 * Returns the agents, each set up as described in its documentation.
 *
 * @param sinkUrl server that accepts all data, so that failed connections don't add cost
 * @param questdb environment variables with the QuestDB that Perfscope writes to
 */
export function listAgents(sinkUrl: string, questdb: NodeJS.ProcessEnv): Agent[] {
  return [
    { name: 'none', flags: [], env: {} },
    {
      name: 'perfscope',
      flags: ['--import', resolve('dist/agent-package/register.js')],
      env: questdb,
    },
    { name: 'express-prom-bundle', flags: [], env: {} },
    {
      name: 'opentelemetry-auto',
      flags: ['--require', '@opentelemetry/auto-instrumentations-node/register'],
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: sinkUrl, OTEL_LOG_LEVEL: 'none' },
    },
    {
      name: 'dd-trace',
      flags: ['--require', 'dd-trace/init'],
      env: {
        DD_TRACE_AGENT_URL: sinkUrl,
        DD_INSTRUMENTATION_TELEMETRY_ENABLED: 'false',
        DD_REMOTE_CONFIGURATION_ENABLED: 'false',
        DD_TRACE_STARTUP_LOGS: 'false',
      },
    },
  ];
}
