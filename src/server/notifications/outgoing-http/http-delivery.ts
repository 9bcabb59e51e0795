import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { DAY_MS } from '../../../core/duration.ts';
import { errorMessage } from '../../../core/perfscope-error.ts';
import type { DeliveryOutcome } from '../channels/channel.ts';
import { redactForDisplay } from '../message/sanitize-text.ts';
import {
  AddressNotAllowedError,
  type AddressPolicy,
  createPolicyLookup,
  getUrlError,
} from './address-policy.ts';

export interface HttpDelivery extends PostRequest {
  /** Texts to remove from reasons: the URL's path, tokens, keys. */
  readonly secrets: readonly string[];
  /**
   * Finds a failure in the body of a 2xx response. Some services report failures there. Default: every
   * 2xx response means that the message was accepted.
   */
  readonly findFailure?: ((body: string) => ResponseFailure | undefined) | undefined;
  readonly now: () => number;
}

/** A failure that a service reports in the body of a 2xx response. */
export interface ResponseFailure {
  /** Whether a retry can succeed without sending the message twice. */
  readonly isTemporary: boolean;
}

/** Makes one delivery attempt over HTTP. Never rejects. */
export async function deliverByHttp(
  delivery: HttpDelivery,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  const { url, secrets, now } = delivery;
  try {
    const response = await sendPost(delivery, signal);
    return toResponseOutcome(response, url.origin, secrets, delivery.findFailure, now());
  } catch (error) {
    return toErrorOutcome(error, url.origin, secrets, signal);
  }
}

/** Maximum size of a response to read. The response is needed only to explain a failure. */
const MAX_RESPONSE_BYTES = 16_384;
const MAX_REDIRECTS = 3;

interface PostRequest {
  readonly url: URL;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly policy: AddressPolicy;
  /** PEM certificates to trust instead of the system's certificates. */
  readonly ca?: string | undefined;
  /**
   * Whether the body or the headers contain secrets. If so, redirects to other hosts are not
   * followed.
   */
  readonly confidential: boolean;
}

interface PostResponse {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** Start of the body. */
  readonly text: string;
}

/** A redirect that can't be followed. */
class RedirectNotAllowedError extends Error {}

/**
 * Sends a POST request over a new connection and follows redirects with status 307 or 308.
 *
 * @throws AddressNotAllowedError, RedirectNotAllowedError, or the connection's error
 */
async function sendPost(post: PostRequest, signal: AbortSignal): Promise<PostResponse> {
  let { url } = post;
  for (let redirects = 0; ; redirects++) {
    const reason = getUrlError(url, post.policy);
    if (reason) throw new AddressNotAllowedError(reason);
    const { status, location, ...response } = await postOnce(post, url, signal);
    if (status < 300 || status > 399) return { status, ...response };
    url = resolveRedirect(url, status, location, post);
    if (redirects === MAX_REDIRECTS) {
      throw new RedirectNotAllowedError(`more than ${MAX_REDIRECTS} redirects`);
    }
  }
}

function resolveRedirect(
  from: URL,
  status: number,
  location: string | undefined,
  post: PostRequest,
): URL {
  const to = location !== undefined && URL.canParse(location, from.href) && new URL(location, from);
  if (!to)
    throw new RedirectNotAllowedError(`it returned HTTP ${status} without a valid \`Location\``);
  // A 301 or 302 turns POST into GET, which wouldn't deliver the message.
  if (status !== 307 && status !== 308) {
    throw new RedirectNotAllowedError(
      `it redirects (HTTP ${status}) to ${to.origin}; configure the new URL`,
    );
  }
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw new RedirectNotAllowedError(`it redirects to ${to.origin}, which is not encrypted`);
  }
  if (post.confidential && to.origin !== from.origin) {
    throw new RedirectNotAllowedError(
      `it redirects to ${to.origin}, and secrets are not sent to another host; configure the new URL`,
    );
  }
  return to;
}

type HopResponse = PostResponse & { readonly location: string | undefined };

function postOnce(post: PostRequest, url: URL, signal: AbortSignal): Promise<HopResponse> {
  return new Promise((resolve, reject) => {
    const startRequest = url.protocol === 'https:' ? secureRequest : request;
    const sending: ClientRequest = startRequest(url, {
      method: 'POST',
      // Don't use a pooled connection, because its address might not have been checked against the
      // policy.
      agent: false,
      lookup: createPolicyLookup(post.policy),
      signal,
      ...(post.ca !== undefined && { ca: post.ca }),
      headers: {
        'user-agent': 'perfscope',
        'content-length': Buffer.byteLength(post.body),
        ...post.headers,
      },
    });
    sending.on('error', reject);
    sending.on('response', (response) => {
      readResponse(response).then(resolve, reject);
    });
    sending.end(post.body);
  });
}

async function readResponse(response: IncomingMessage): Promise<HopResponse> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    // Leaving the loop closes the connection and discards the rest.
    if (bytes >= MAX_RESPONSE_BYTES) break;
  }
  const { statusCode = 0, headers } = response;
  return {
    status: statusCode,
    retryAfter: headers['retry-after'],
    location: headers.location,
    text: Buffer.concat(chunks).subarray(0, MAX_RESPONSE_BYTES).toString(),
  };
}

/** TLS errors that a retry can't fix, such as a certificate for another host. */
const TLS_ERROR_CODE =
  /^(ERR_TLS_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_|CERT_UNTRUSTED|CERT_REVOKED|EPROTO)/;

/** Converts a response to an outcome. @param secrets texts to remove from the reason */
function toResponseOutcome(
  response: PostResponse,
  origin: string,
  secrets: readonly string[],
  findFailure: HttpDelivery['findFailure'],
  nowMs: number,
): DeliveryOutcome {
  const { status, text } = response;
  const isAccepted = status >= 200 && status < 300;
  const failure = isAccepted ? findFailure?.(text) : undefined;
  if (isAccepted && !failure) return { status: 'delivered' };
  const excerpt = redactForDisplay(text, secrets);
  const reason = `${origin} returned HTTP ${status}${excerpt === '' ? '' : `: ${excerpt}`}`;
  const isTemporary = failure?.isTemporary ?? isTemporaryStatus(status);
  if (!isTemporary) return { status: 'permanent', reason };
  const retryAfterMs = parseRetryAfter(response.retryAfter, nowMs);
  return { status: 'retryable', reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** Returns whether a request with this HTTP status can succeed later. */
export function isTemporaryStatus(status: number): boolean {
  return status >= 500 || [408, 425, 429].includes(status);
}

/** Converts an error to an outcome. */
function toErrorOutcome(
  error: unknown,
  origin: string,
  secrets: readonly string[],
  signal: AbortSignal,
): DeliveryOutcome {
  if (signal.aborted) return { status: 'retryable', reason: `${origin} did not respond in time` };
  const reason = `${origin}: ${redactForDisplay(errorMessage(error), secrets)}`;
  if (error instanceof AddressNotAllowedError || error instanceof RedirectNotAllowedError) {
    return { status: 'permanent', reason };
  }
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  return { status: TLS_ERROR_CODE.test(code) ? 'permanent' : 'retryable', reason };
}

/** Upper limit for `Retry-After`, in ms. A larger value is a mistake or an attack. */
const MAX_RETRY_AFTER_MS = DAY_MS;

/** Converts `Retry-After`, in seconds or as a date (RFC 9110, 10.2.3), to ms from `nowMs`. */
export function parseRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\s*\d+\s*$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS) : undefined;
}
