import { createError, errorMessage } from '../../core/perfscope-error.ts';

const TIMEOUT_MS = 15_000;
/** Earlier versions can't find folders and dashboards by the UIDs that the dashboard links use. */
const MIN_GRAFANA_VERSION = [9, 4] as const;
const NOT_GRAFANA_REASON = 'the server is not Grafana; check the address';

/** The JSON response of Grafana. Undefined if Grafana returned 404. */
type GrafanaResponse = Record<string, unknown> | undefined;

/** Client of the Grafana HTTP API. Authenticates with the token of a service account. */
export class GrafanaClient {
  readonly url: string;
  readonly #token: string;

  /** @param url address of Grafana, including its path if it has one */
  constructor(url: string, token: string) {
    this.url = url.replace(/\/+$/, '');
    this.#token = token;
  }

  /**
   * Checks that the server is Grafana and that its version is supported.
   *
   * @returns the version, or undefined if the administrator hides it
   * @throws PS_GRAFANA_UNREACHABLE; PS_GRAFANA_REFUSED if the version is too old or the server
   *   isn't Grafana
   */
  async checkVersion(): Promise<string | undefined> {
    const action = 'pass the version check';
    const health = await this.#request('GET', '/api/health', action, { withToken: false });
    if (health === undefined || !('database' in health)) {
      throw this.#createError(action, 404, NOT_GRAFANA_REASON);
    }
    const { version } = health;
    if (typeof version !== 'string' || version === '') return undefined;
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (
      major < MIN_GRAFANA_VERSION[0] ||
      (major === MIN_GRAFANA_VERSION[0] && minor < MIN_GRAFANA_VERSION[1])
    ) {
      const reason = `its version is ${version}, but the dashboards require 9.4 or later`;
      throw this.#createError(action, 200, reason);
    }
    return version;
  }

  /** @param action verb phrase for errors, as in "Grafana did not …" @returns undefined on 404 */
  get(path: string, action: string): Promise<GrafanaResponse> {
    return this.#request('GET', path, action, {});
  }

  /** @throws PS_GRAFANA_REFUSED if Grafana returns an error, including 404 */
  async send(method: 'POST' | 'PUT', path: string, action: string, body: object): Promise<void> {
    const result = await this.#request(method, path, action, { body });
    if (result === undefined) throw this.#createError(action, 404, `${path} does not exist`);
  }

  async #request(
    method: string,
    path: string,
    action: string,
    { body, withToken = true }: { body?: object; withToken?: boolean },
  ): Promise<GrafanaResponse> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${this.url}${path}`, {
        method,
        headers: {
          Accept: 'application/json',
          ...(withToken && { Authorization: `Bearer ${this.#token}` }),
          ...(body && { 'Content-Type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
        // Don't follow redirects, because the token must not be sent to another server.
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      text = await response.text();
    } catch (error) {
      const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
      throw createError(
        'PS_GRAFANA_UNREACHABLE',
        { url: this.url, reason: errorMessage(cause) },
        error,
      );
    }
    const { status } = response;
    if (status === 404) return undefined;
    const result = parseResponse(text);
    if (response.ok && result !== undefined) return result;
    throw this.#createError(action, status, formatFailureReason(response, result));
  }

  #createError(action: string, status: number, reason: string) {
    return createError('PS_GRAFANA_REFUSED', { url: this.url, action, status, reason });
  }
}

function parseResponse(text: string): GrafanaResponse {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** Returns how to fix the failure, or the message from Grafana. */
function formatFailureReason(response: Response, result: GrafanaResponse): string {
  const { status, headers } = response;
  const message = String(result?.message ?? 'the response is not JSON').slice(0, 300);
  if (status === 401) return 'the token is wrong, expired, or revoked';
  if (status === 403) {
    return `the token lacks permission (${message}); give its service account the Admin role`;
  }
  if (status >= 300 && status < 400) {
    return `it redirects to ${headers.get('location') ?? 'another address'}; use that address`;
  }
  if (status === 200) return NOT_GRAFANA_REASON;
  return message;
}
