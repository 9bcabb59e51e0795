import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { errorMessage } from '../../../core/errors.ts';
import type { DeliveryOutcome } from '../channels/channel.ts';
import { redactForDisplay } from '../message/sanitize-text.ts';
import {
  AddressNotAllowedError,
  type AddressPolicy,
  createPolicyLookup,
  getUrlError,
} from './address-policy.ts';

export interface HttpDelivery extends PostRequest {
  /** What no reason may show: the URL's own path, tokens, keys. */
  readonly secrets: readonly string[];
  readonly now: () => number;
}

/** One attempt by HTTP. Never rejects. */
export async function deliverByHttp(
  delivery: HttpDelivery,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  const { url, secrets, now } = delivery;
  try {
    return toResponseOutcome(await sendPost(delivery, signal), url.origin, secrets, now());
  } catch (error) {
    return toErrorOutcome(error, url.origin, secrets, signal);
  }
}

/** Most bytes of an answer that are read: it is for a reason that is shown, no more. */
const MAX_RESPONSE_BYTES = 16_384;
const MAX_REDIRECTS = 3;

interface PostRequest {
  readonly url: URL;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly policy: AddressPolicy;
  /** Certificates (PEM) that are trusted instead of the system's. */
  readonly ca?: string | undefined;
  /** Whether body or headers hold what no other host may see: redirects to one are refused. */
  readonly confidential: boolean;
}

interface PostResponse {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The beginning of its body. */
  readonly text: string;
}

/** A redirect that was not followed, in words. */
class RedirectNotAllowedError extends Error {}

/**
 * Sends `posting` by POST, over a connection of its own, and follows what asks for the same request
 * elsewhere (307, 308).
 *
 * @throws RefusedAddress, RefusedRedirect, or the error of the connection
 */
async function sendPost(posting: PostRequest, signal: AbortSignal): Promise<PostResponse> {
  let { url } = posting;
  for (let redirects = 0; ; redirects++) {
    const refusal = getUrlError(url, posting.policy);
    if (refusal) throw new AddressNotAllowedError(refusal);
    const { status, location, ...answer } = await postOnce(posting, url, signal);
    if (status < 300 || status > 399) return { status, ...answer };
    url = resolveRedirect(url, status, location, posting);
    if (redirects === MAX_REDIRECTS)
      throw new RedirectNotAllowedError('it redirects again and again');
  }
}

function resolveRedirect(
  from: URL,
  status: number,
  location: string | undefined,
  posting: PostRequest,
): URL {
  const to = location !== undefined && URL.canParse(location, from.href) && new URL(location, from);
  if (!to) throw new RedirectNotAllowedError(`it answers ${status} without saying where it went`);
  // A 301 or 302 turns a POST into a GET, which delivers nothing.
  if (status !== 307 && status !== 308) {
    throw new RedirectNotAllowedError(
      `it has moved (${status}) to ${to.origin}: name the new address`,
    );
  }
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw new RedirectNotAllowedError(`it redirects to ${to.origin}, which is not encrypted`);
  }
  if (posting.confidential && to.origin !== from.origin) {
    throw new RedirectNotAllowedError(
      `it redirects to ${to.origin}, which must not see what is sent: name the new address`,
    );
  }
  return to;
}

type HopResponse = PostResponse & { readonly location: string | undefined };

function postOnce(posting: PostRequest, url: URL, signal: AbortSignal): Promise<HopResponse> {
  return new Promise((resolve, reject) => {
    const start = url.protocol === 'https:' ? secureRequest : request;
    const sending: ClientRequest = start(url, {
      method: 'POST',
      // A pooled connection may have been made by somebody who checked nothing.
      agent: false,
      lookup: createPolicyLookup(posting.policy),
      signal,
      ...(posting.ca !== undefined && { ca: posting.ca }),
      headers: {
        'user-agent': 'perfscope',
        'content-length': Buffer.byteLength(posting.body),
        ...posting.headers,
      },
    });
    sending.on('error', reject);
    sending.on('response', (response) => readResponse(response).then(resolve, reject));
    sending.end(posting.body);
  });
}

async function readResponse(response: IncomingMessage): Promise<HopResponse> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response) {
    parts.push(part as Buffer);
    bytes += (part as Buffer).length;
    // Leaving the loop ends the connection, whatever else would come.
    if (bytes >= MAX_RESPONSE_BYTES) break;
  }
  const { statusCode = 0, headers } = response;
  return {
    status: statusCode,
    retryAfter: headers['retry-after'],
    location: headers.location,
    text: Buffer.concat(parts).subarray(0, MAX_RESPONSE_BYTES).toString(),
  };
}

/** Failures of encryption that no further attempt mends: another host, or somebody unknown. */
const TLS_ERROR_CODE =
  /^(ERR_TLS_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED|UNABLE_TO_|CERT_UNTRUSTED|CERT_REVOKED|EPROTO)/;

/** What an answer says about one attempt. @param secrets what must not be shown */
function toResponseOutcome(
  answer: PostResponse,
  origin: string,
  secrets: readonly string[],
  nowMs: number,
): DeliveryOutcome {
  const { status, text } = answer;
  if (status >= 200 && status < 300) return { status: 'delivered' };
  const said = redactForDisplay(text, secrets);
  const reason = `${origin} answered ${status}${said === '' ? '' : `: ${said}`}`;
  const mayPass = status >= 500 || [408, 425, 429].includes(status);
  if (!mayPass) return { status: 'permanent', reason };
  const retryAfterMs = parseRetryAfter(answer.retryAfter, nowMs);
  return { status: 'retryable', reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/** What a failure says about one attempt. */
function toErrorOutcome(
  error: unknown,
  origin: string,
  secrets: readonly string[],
  signal: AbortSignal,
): DeliveryOutcome {
  if (signal.aborted) return { status: 'retryable', reason: `${origin} did not answer in time` };
  const reason = `${origin}: ${redactForDisplay(errorMessage(error), secrets)}`;
  if (error instanceof AddressNotAllowedError || error instanceof RedirectNotAllowedError) {
    return { status: 'permanent', reason };
  }
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  return { status: TLS_ERROR_CODE.test(code) ? 'permanent' : 'retryable', reason };
}

/** Longest wait that is believed, in ms: who asks for more has made a mistake, or means harm. */
const MAX_RETRY_AFTER_MS = 86_400_000;

/** `Retry-After`'s seconds or date (RFC 9110, 10.2.3) as ms from `nowMs`. */
export function parseRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^\s*\d+\s*$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs;
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS) : undefined;
}
