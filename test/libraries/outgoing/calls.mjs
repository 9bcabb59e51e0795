// Usage: node calls.mjs CLIENT
import clients from './clients.cjs';
import exercise from './exercise.cjs';

const { toSignal } = exercise;

const CLIENTS = {
  fetch: () => clients.fetch,
  http: () => clients.http,
  undici: async () => clients.createUndici(await import('undici')),
  axios: async () => clients.createAxios((await import('axios')).default),
  got: async () => {
    const { default: got } = await import('got');
    return async (url, { method, body, timeoutMs, abortMs }) => {
      const response = await got(url, {
        method,
        body,
        retry: { limit: 0 },
        throwHttpErrors: false,
        timeout: { request: timeoutMs },
        signal: toSignal({ abortMs }),
      });
      return response.statusCode;
    };
  },
  'node-fetch': async () => {
    const { default: fetch } = await import('node-fetch');
    return async (url, { method, body, ...cancel }) => {
      const response = await fetch(url, { method, body, signal: toSignal(cancel) });
      await response.text();
      return response.status;
    };
  },
};
const [, , client] = process.argv;
// node-fetch doesn't pass on the reason of a signal.
await exercise(await CLIENTS[client](), client === 'node-fetch' ? 'aborted' : 'timeout');
