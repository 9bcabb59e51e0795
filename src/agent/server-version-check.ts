import { isMainThread } from 'node:worker_threads';
import { getAgentUrl } from '../core/agent-download.ts';
import { createError } from '../core/perfscope-error.ts';
import { VERSION } from '../core/version.ts';
import { areVersionsCompatible } from '../core/version-compatibility.ts';

/**
 * Returns a warning if a server is incompatible with this agent. An unknown version counts as compatible.
 *
 * @param service name of the service that contains the agent
 */
export function describeIncompatibleServer(
  version: string | undefined,
  serverUrl: string,
  service: string,
): string | undefined {
  // Worker threads have the same agent as the main thread, so only the main thread logs.
  if (!isMainThread || version === undefined || areVersionsCompatible(version, VERSION)) {
    return undefined;
  }
  const url = getAgentUrl(serverUrl, version);
  const versions = { service, agent: VERSION, server: version, url };
  return createError('PS_VERSION_INCOMPATIBLE', versions).message;
}
