import { isLoopbackHost } from './loopback.ts';
import { VERSION } from './version.ts';

/** Returns the file name of the agent package, such as `perfscope-agent-0.1.0.tgz`. */
export function getAgentFileName(version: string = VERSION): string {
  return `perfscope-agent-${version}.tgz`;
}

/** Returns the path at which a server offers the agent, such as `/agent-0.1.0.tgz`. */
export function getAgentPath(version: string = VERSION): string {
  return `/agent-${version}.tgz`;
}

/**
 * Returns the URL of the agent on the server at `serverUrl`. Servers offer the agent only over
 * loopback or HTTPS, because other connections could change the file.
 *
 * @returns undefined if the server doesn't offer the agent at this URL
 */
export function getAgentUrl(
  serverUrl: string | undefined,
  version: string = VERSION,
): string | undefined {
  if (serverUrl === undefined || !URL.canParse(serverUrl)) return undefined;
  const { protocol, hostname } = new URL(serverUrl);
  if (protocol !== 'https:' && !isLoopbackHost(hostname)) return undefined;
  return serverUrl.replace(/\/+$/, '') + getAgentPath(version);
}
