/** Error response of the server (RFC 9457). */
export interface Problem {
  status: number;
  title: string;
  detail: string;
  /** Error code. `docs/errors.md` lists all codes. */
  code?: string | undefined;
  /** Rejected parameters of the request. */
  errors?: { parameter: string; reason: string; allowed?: string | undefined }[] | undefined;
}

/** Thrown if the server responds with an error status. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** Undefined if the response came from another server, such as a proxy. */
  readonly code: string | undefined;
  readonly status: number;
  readonly problem: Problem;
  /** Value of the `Retry-After` header, in ms. */
  readonly retryAfterMs: number | undefined;

  constructor(problem: Problem, retryAfterMs?: number) {
    super(problem.detail);
    this.code = problem.code;
    this.status = problem.status;
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface ClientOptions {
  /**
   * Base URL of the server, such as `http://127.0.0.1:4001`. Default in browsers: the page's
   * origin.
   */
  url?: string;
  /** API key or JWT. Default: none. */
  key?: string;
  /** Default: the global `fetch`. */
  fetch?: typeof fetch;
}

export interface RequestOptions {
  /** Cancels the request. */
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
