import { findAgentModule } from '../agent-module.ts';

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
 * @param sinkUrl server that accepts all data, so that failed connections don't add cost
 */
export function listOtherAgents(sinkUrl: string): Agent[] {
  return [
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

/** Rotates the agents, so that each round starts with a different one and no agent benefits from its position. */
export function rotate(agents: readonly Agent[], round: number): Agent[] {
  const start = round % agents.length;
  return [...agents.slice(start), ...agents.slice(0, start)];
}
