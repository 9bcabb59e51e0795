import { createError, errorMessage } from '../../core/errors.ts';

const TIMEOUT_MS = 15_000;
/** Before it, folders and dashboards are not found by the uids that the dashboards' links use. */
const MIN_GRAFANA_VERSION = [9, 4] as const;

/** What Grafana answered with: nothing where there is no such thing. */
type GrafanaResponse = Record<string, unknown> | undefined;

/** Grafana's HTTP API with a service account's token. */
export class GrafanaClient {
  readonly url: string;
  readonly #token: string;

  /** @param url where Grafana's page is, with its path where it has one */
  constructor(url: string, token: string) {
    this.url = url.replace(/\/+$/, '');
    this.#token = token;
  }

  /**
   * Makes sure that a Grafana answers which is new enough.
   *
   * @returns its version; undefined where its administrator hides it
   * @throws PS_GRAFANA_UNREACHABLE; PS_GRAFANA_REFUSED when it is too old, or no Grafana
   */
  async checkVersion(): Promise<string | undefined> {
    const act = 'tell its version';
    const health = await this.#ask('GET', '/api/health', act, { withToken: false });
    if (health === undefined || !('database' in health)) {
      throw this.#refused(act, 404, 'what answers there is no Grafana; check the address');
    }
    const { version } = health;
    if (typeof version !== 'string' || version === '') return undefined;
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (
      major < MIN_GRAFANA_VERSION[0] ||
      (major === MIN_GRAFANA_VERSION[0] && minor < MIN_GRAFANA_VERSION[1])
    ) {
      throw this.#refused(act, 200, `it is version ${version}; the dashboards need 9.4 or newer`);
    }
    return version;
  }

  /** @param act what it is for, as in "Grafana did not …" @returns undefined: there is none */
  get(path: string, act: string): Promise<GrafanaResponse> {
    return this.#ask('GET', path, act, {});
  }

  /** @throws PS_GRAFANA_REFUSED also when there is nothing at `path` */
  async send(method: 'POST' | 'PUT', path: string, act: string, body: object): Promise<void> {
    const answer = await this.#ask(method, path, act, { body });
    if (answer === undefined) throw this.#refused(act, 404, 'it has no such address');
  }

  async #ask(
    method: string,
    path: string,
    act: string,
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
        // The token is for the address that was named, and not for where that one points to.
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
    const answer = parseResponse(text);
    if (response.ok && answer !== undefined) return answer;
    throw this.#refused(act, status, formatFailureReason(response, answer));
  }

  #refused(act: string, status: number, reason: string) {
    return createError('PS_GRAFANA_REFUSED', { url: this.url, act, status, reason });
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

/** The reason in words that help; Grafana's own where it gives one. */
function formatFailureReason(response: Response, answer: GrafanaResponse): string {
  const { status, headers } = response;
  const said = String(answer?.message ?? 'its answer is no JSON').slice(0, 300);
  if (status === 401) return 'the token is not accepted: it is mistyped, expired or revoked';
  if (status === 403) {
    return `this token may not edit that (${said}); give its service account the role Admin`;
  }
  if (status >= 300 && status < 400) {
    return `it points to ${headers.get('location') ?? 'another address'}; use that address`;
  }
  if (status === 200) return 'what answers there is no Grafana; check the address';
  return said;
}
