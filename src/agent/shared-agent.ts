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
 * Replaces environment variables of an agent that concern the connection to QuestDB. Rows that are waiting use the new
 * values too. The spool folder can no longer change once it is in use.
 */
export function overrideVariables(agent: Agent, variables: EnvironmentVariables): void {
  const { settings } = readStartupConfig(undefined, variables);
  // The parts of the agent share this object.
  Object.assign(agent.config, { settings });
  if (settings.PERFORMANCE_QUESTDB_URL?.startsWith('https:')) loadTls();
}

export function setSharedAgent(agent: Agent): void {
  // Not enumerable, so that the application doesn't notice it.
  Object.defineProperty(globalThis, SHARED_AGENT_KEY, { value: agent, configurable: true });
}

function createAgent(): Agent {
  const config = readStartupConfig();
  for (const problem of config.problems) stderrLogger.warn(problem.message);
  const agent: Agent = new Agent({
    config,
    log: stderrLogger,
    // Without `register`, nothing else would write the last rows. `register` replaces this.
    onConnect: () => spoolOnExit(agent),
  });
  return agent;
}
