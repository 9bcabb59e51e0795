import { errorOf } from './api-error.ts';

export interface ClientOptions {
  /** Address of the server, as `http://127.0.0.1:4001`; in a page of its own origin it can be left out. */
  url?: string;
  /** API key or token. */
  key?: string;
  /** Default: the global one. */
  fetch?: typeof fetch;
}

export interface RequestOptions {
  signal?: AbortSignal | undefined;
}

/** What is changed, and how. */
export interface Change {
  method: 'POST' | 'DELETE';
  body?: object;
}

/** Sends one request: a GET unless `change` says otherwise. @throws ApiError when the server refuses; what `fetch` throws */
export async function send(
  { url = '', key, fetch: send = fetch }: ClientOptions,
  path: string,
  query: object,
  { signal, headers = {} }: RequestOptions & { headers?: Record<string, string> } = {},
  change?: Change,
): Promise<Response> {
  const json = change?.body && { 'Content-Type': 'application/json' };
  const text = queryText(query);
  const response = await send(`${url.replace(/\/$/, '')}${path}${text && `?${text}`}`, {
    headers: { ...(key && { Authorization: `Bearer ${key}` }), ...json, ...headers },
    ...(change && { method: change.method }),
    ...(change?.body && { body: JSON.stringify(change.body) }),
    ...(signal && { signal }),
  });
  if (!response.ok) throw await errorOf(response);
  return response;
}

/** Lists are repeated, what is undefined is left out. */
function queryText(query: object): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined) parameters.append(name, textOf(each));
    }
  }
  return parameters.toString();
}

function textOf(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}
