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
export async function errorOf(response: Response): Promise<ApiError> {
  const seconds = Number(response.headers.get('Retry-After') || Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) ? 1000 * seconds : undefined;
  const isOurs = response.headers.get('Content-Type')?.includes('application/problem+json');
  const body = isOurs ? await response.json().catch(() => undefined) : undefined;
  const { status, statusText } = response;
  const other = { status, title: statusText, detail: `The server answered ${status}` };
  return new ApiError((body as Problem | undefined) ?? other, retryAfterMs);
}
