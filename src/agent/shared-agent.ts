import type { EnvironmentVariables } from '../core/config/parse-settings.ts';
import { readStartupConfig } from '../core/config/startup-config.ts';
import { loadTls } from '../core/http/http-socket.ts';
import { stderrLogger } from '../core/log.ts';
import { Agent } from './agent.ts';
import { spoolOnExit } from './process/flush-on-exit.ts';

const SHARED_AGENT_KEY = Symbol.for('perfscope.monitor');
const sharedGlobal = globalThis as { [SHARED_AGENT_KEY]?: Agent };

/**
 * Returns the agent of this process, and creates it on the first call. The agent is stored on the
 * global object because `register` and the application can load separate copies of this package.
 */
export function getSharedAgent(): Agent {
  const agent = sharedGlobal[SHARED_AGENT_KEY];
  if (agent) return agent;
  const created = createAgent();
  setSharedAgent(created);
  return created;
}

/**
 * Returns the agent of this process with other values for some environment variables. Rows that were recorded before
 * use the new values too, except for the spool folder once it is in use.
 */
export function getSharedAgentWith(overrides: EnvironmentVariables): Agent {
  const agent = sharedGlobal[SHARED_AGENT_KEY];
  if (agent) {
    const { settings } = readStartupConfig(undefined, overrides);
    // The parts of the agent share this object.
    Object.assign(agent.config, { settings });
    if (settings.PERFORMANCE_QUESTDB_URL?.startsWith('https:')) loadTls();
    return agent;
  }
  const created = createAgent(overrides);
  setSharedAgent(created);
  return created;
}

export function setSharedAgent(agent: Agent): void {
  // Not enumerable, so that the application doesn't notice it.
  Object.defineProperty(globalThis, SHARED_AGENT_KEY, { value: agent, configurable: true });
}

function createAgent(overrides?: EnvironmentVariables): Agent {
  const config = readStartupConfig(undefined, overrides);
  for (const problem of config.problems) stderrLogger.warn(problem.message);
  const agent: Agent = new Agent({
    config,
    log: stderrLogger,
    // Without `register`, nothing else would write the last rows. `register` replaces this.
    onConnect: () => spoolOnExit(agent),
  });
  return agent;
}
