import type { ServerEvent } from '../../src/client/api-types.ts';
import { PerfscopeClient } from '../../src/client/perfscope-client.ts';

/**
 * Passes the events of the server's stream to `onEvent`. Resolves when the server sends every new event to
 * this client. Call the returned function to disconnect.
 */
export async function followStream(
  url: string,
  query: Parameters<PerfscopeClient['stream']>[0],
  onEvent: (event: ServerEvent) => void,
): Promise<() => Promise<void>> {
  const abort = new AbortController();
  let following: Promise<void> | undefined;
  await new Promise<void>((connected, failed) => {
    const connect: typeof fetch = async (...request) => {
      const response = await fetch(...request);
      if (response.ok) connected();
      return response;
    };
    const stream = new PerfscopeClient({ url, fetch: connect }).stream(query, abort);
    following = (async () => {
      for await (const event of stream) onEvent(event);
    })();
    following.catch(failed);
  });
  return async () => {
    abort.abort();
    await following;
  };
}
