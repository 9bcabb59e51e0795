import { PerfscopeClient } from '../client/perfscope-client.ts';
import { LOCAL_TOKEN_HEADER, type ServerDiscovery } from '../core/config/server-discovery.ts';
import { isLoopbackHost } from '../core/loopback.ts';

const REQUEST_TIMEOUT_MS = 30_000;

/** Addresses of servers that listen on all interfaces. */
const WILDCARD_HOSTS = ['0.0.0.0', '[::]'];

/**
 * Creates an API client for `url` without an API key. If the discovery file describes that server,
 * the client sends its local token, so the commands work on the server's machine without a key. The
 * token is never sent to another server or another machine.
 */
export function createLocalClient(
  url: string,
  discovery: ServerDiscovery | undefined,
): PerfscopeClient {
  const token = discovery?.localToken;
  const localUrl = toLoopbackUrl(url);
  const isLocalServer =
    discovery !== undefined &&
    localUrl !== undefined &&
    localUrl.origin === toLoopbackUrl(discovery.serverUrl)?.origin;
  if (token === undefined || !isLocalServer) {
    return new PerfscopeClient({ url, fetch: fetchWithTimeout });
  }
  return new PerfscopeClient({
    url: localUrl.origin,
    fetch: (input, init) => {
      const headers = new Headers(init?.headers);
      headers.set(LOCAL_TOKEN_HEADER, token);
      // A redirect could send the token to another server.
      return fetchWithTimeout(input, { ...init, headers, redirect: 'error' });
    },
  });
}

/** Creates an API client for `url` with an API key. */
export function createRemoteClient(url: string, key: string): PerfscopeClient {
  return new PerfscopeClient({ url, key, fetch: fetchWithTimeout });
}

/** Limits requests to 30 s, except for event streams, which have their own signal. */
function fetchWithTimeout(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  if (init?.signal) return fetch(input, init);
  return fetch(input, { ...init, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
}

/** Returns undefined if the URL isn't on this machine. A wildcard address becomes a loopback address. */
function toLoopbackUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (WILDCARD_HOSTS.includes(url.hostname)) {
    url.hostname = url.hostname === '[::]' ? '[::1]' : '127.0.0.1';
  }
  return isLoopbackHost(url.hostname) ? url : undefined;
}
