/** Error response of the server (RFC 9457). */
export interface Problem {
  /** HTTP status. */
  status: number;
  /** Short summary of the kind of error. */
  title: string;
  /** Cause and next step. */
  detail: string;
  /** Error code. docs/errors.md lists all codes. Missing if the response came from another server. */
  code?: string | undefined;
  /** Rejected parameters of the request. */
  errors?: RejectedParameter[] | undefined;
}

/** A rejected parameter of a request. */
export interface RejectedParameter {
  /** Name of the parameter. */
  parameter: string;
  /** Why the server rejected the value. */
  reason: string;
  /** Allowed values. */
  allowed?: string | undefined;
}

/**
 * Error of a request if the server responds with an error status.
 *
 * @example
 * import { ApiError, PerfscopeClient } from '@perfscope/agent/client';
 *
 * const client = new PerfscopeClient({ url: 'http://127.0.0.1:4001' });
 * try {
 *   await client.get('dashboard', { last: '1h' });
 * } catch (error) {
 *   if (!(error instanceof ApiError)) throw error;
 *   console.error(error.status, error.code, error.message);
 * }
 */
export class ApiError extends Error {
  /** Always `ApiError`. */
  override readonly name = 'ApiError';
  /** Error code, such as `PS_NOT_FOUND`. docs/errors.md lists all codes. Undefined if the response came from another server, such as a proxy. */
  readonly code: string | undefined;
  /** HTTP status. */
  readonly status: number;
  /** Body of the response. If the body has another format, contains only the status. */
  readonly problem: Problem;
  /** Value of the `Retry-After` header, in ms. Undefined if the response has no such header. */
  readonly retryAfterMs: number | undefined;

  /**
   * Creates an error. Usually, only the client does this.
   *
   * @param problem the error response
   * @param retryAfterMs value of the `Retry-After` header, in ms. Default: `undefined`.
   */
  constructor(problem: Problem, retryAfterMs?: number) {
    super(problem.detail);
    this.code = problem.code;
    this.status = problem.status;
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Options of `PerfscopeClient`. */
export interface ClientOptions {
  /**
   * Base URL of the server, such as `http://127.0.0.1:4001`. Required outside browsers. Default in browsers: the page's
   * origin.
   */
  url?: string;
  /** API key or JWT. Default: none. */
  key?: string;
  /** Function that sends the requests. Default: the global `fetch`. */
  fetch?: typeof fetch;
}

/** Options of a single request. */
export interface RequestOptions {
  /** Cancels the request. Default: the request can't be canceled. */
  signal?: AbortSignal | undefined;
}

/** Method and JSON body of a request that changes data. */
export interface Mutation {
  method: 'POST' | 'DELETE';
  body?: object;
}

/**
 * Sends one request. The method is GET unless `mutation` is set.
 *
 * @param query query parameters. Arrays are repeated, dates are sent in ISO 8601, and undefined
 * values are omitted.
 * @throws ApiError if the server responds with an error status
 * @throws the error of `fetch` if the server is unreachable
 */
export async function sendRequest(
  { url = '', key, fetch: send = fetch }: ClientOptions,
  path: string,
  query: object,
  { signal, headers = {} }: RequestOptions & { headers?: Record<string, string> } = {},
  mutation?: Mutation,
): Promise<Response> {
  const contentType = mutation?.body && { 'Content-Type': 'application/json' };
  const queryString = formatQueryString(query);
  const search = queryString && `?${queryString}`;
  const response = await send(`${url.replace(/\/$/, '')}${path}${search}`, {
    headers: { ...(key && { Authorization: `Bearer ${key}` }), ...contentType, ...headers },
    ...(mutation && { method: mutation.method }),
    ...(mutation?.body && { body: JSON.stringify(mutation.body) }),
    ...(signal && { signal }),
  });
  if (!response.ok) throw await toApiError(response);
  return response;
}

async function toApiError(response: Response): Promise<ApiError> {
  const { status, statusText, headers } = response;
  const seconds = Number(headers.get('Retry-After') || Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) ? 1000 * seconds : undefined;
  const isProblem = headers.get('Content-Type')?.includes('application/problem+json');
  const body = isProblem ? await response.json().catch(() => undefined) : undefined;
  const problem = { status, title: statusText, detail: `The server responded with HTTP ${status}` };
  return new ApiError((body as Problem | undefined) ?? problem, retryAfterMs);
}

function formatQueryString(query: object): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const item of Array.isArray(value) ? value : [value]) {
      if (item !== undefined) parameters.append(name, formatQueryValue(item));
    }
  }
  return parameters.toString();
}

function formatQueryValue(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}
