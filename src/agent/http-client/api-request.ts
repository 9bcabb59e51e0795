/** What a server answers when it refuses (RFC 9457). */
export interface Problem {
  status: number;
  title: string;
  detail: string;
  /** One of the codes in `docs/errors.md`. */
  code?: string | undefined;
  errors?: { parameter: string; reason: string; allowed?: string | undefined }[] | undefined;
}

/** A request that was refused, or could not be answered. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** Undefined when the answer was none of Perfscope's, as a proxy's. */
  readonly code: string | undefined;
  readonly status: number;
  readonly problem: Problem;
  /** From `Retry-After`. */
  readonly retryAfterMs: number | undefined;

  constructor(problem: Problem, retryAfterMs?: number) {
    super(problem.detail);
    this.code = problem.code;
    this.status = problem.status;
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The error that a response says. */
async function toApiError(response: Response): Promise<ApiError> {
  const seconds = Number(response.headers.get('Retry-After') || Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) ? 1000 * seconds : undefined;
  const isOurs = response.headers.get('Content-Type')?.includes('application/problem+json');
  const body = isOurs ? await response.json().catch(() => undefined) : undefined;
  const { status, statusText } = response;
  const other = { status, title: statusText, detail: `The server answered ${status}` };
  return new ApiError((body as Problem | undefined) ?? other, retryAfterMs);
}

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
export interface Mutation {
  method: 'POST' | 'DELETE';
  body?: object;
}

/** Sends one request: a GET unless `change` says otherwise. @throws ApiError when the server refuses; what `fetch` throws */
export async function sendRequest(
  { url = '', key, fetch: send = fetch }: ClientOptions,
  path: string,
  query: object,
  { signal, headers = {} }: RequestOptions & { headers?: Record<string, string> } = {},
  change?: Mutation,
): Promise<Response> {
  const json = change?.body && { 'Content-Type': 'application/json' };
  const text = formatQueryString(query);
  const response = await send(`${url.replace(/\/$/, '')}${path}${text && `?${text}`}`, {
    headers: { ...(key && { Authorization: `Bearer ${key}` }), ...json, ...headers },
    ...(change && { method: change.method }),
    ...(change?.body && { body: JSON.stringify(change.body) }),
    ...(signal && { signal }),
  });
  if (!response.ok) throw await toApiError(response);
  return response;
}

/** Lists are repeated, what is undefined is left out. */
function formatQueryString(query: object): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== undefined) parameters.append(name, formatQueryValue(each));
    }
  }
  return parameters.toString();
}

function formatQueryValue(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}
