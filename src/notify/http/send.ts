import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { guardedLookup, RefusedAddress } from './lookup.ts';
import { type AddressPolicy, refusalOfUrl } from './policy.ts';

/** Most bytes of an answer that are read: it is for a reason that is shown, no more. */
const MOST_ANSWER_BYTES = 16_384;
const MOST_REDIRECTS = 3;

export interface Posting {
  readonly url: URL;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly policy: AddressPolicy;
  /** Certificates (PEM) that are trusted instead of the system's. */
  readonly ca?: string | undefined;
  /** Whether body or headers hold what no other host may see: redirects to one are refused. */
  readonly confidential: boolean;
}

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The beginning of its body. */
  readonly text: string;
}

/** A redirect that was not followed, in words. */
export class RefusedRedirect extends Error {}

/**
 * Sends `posting` by POST, over a connection of its own, and follows what asks for the same request
 * elsewhere (307, 308).
 *
 * @throws RefusedAddress, RefusedRedirect, or the error of the connection
 */
export async function send(posting: Posting, signal: AbortSignal): Promise<Answer> {
  let { url } = posting;
  for (let redirects = 0; ; redirects++) {
    const refusal = refusalOfUrl(url, posting.policy);
    if (refusal) throw new RefusedAddress(refusal);
    const { status, location, ...answer } = await once(posting, url, signal);
    if (status < 300 || status > 399) return { status, ...answer };
    url = next(url, status, location, posting);
    if (redirects === MOST_REDIRECTS) throw new RefusedRedirect('it redirects again and again');
  }
}

function next(from: URL, status: number, location: string | undefined, posting: Posting): URL {
  const to = location !== undefined && URL.canParse(location, from.href) && new URL(location, from);
  if (!to) throw new RefusedRedirect(`it answers ${status} without saying where it went`);
  // A 301 or 302 turns a POST into a GET, which delivers nothing.
  if (status !== 307 && status !== 308) {
    throw new RefusedRedirect(`it has moved (${status}) to ${to.origin}: name the new address`);
  }
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw new RefusedRedirect(`it redirects to ${to.origin}, which is not encrypted`);
  }
  if (posting.confidential && to.origin !== from.origin) {
    throw new RefusedRedirect(
      `it redirects to ${to.origin}, which must not see what is sent: name the new address`,
    );
  }
  return to;
}

type Hop = Answer & { readonly location: string | undefined };

function once(posting: Posting, url: URL, signal: AbortSignal): Promise<Hop> {
  return new Promise((resolve, reject) => {
    const start = url.protocol === 'https:' ? secureRequest : request;
    const sending: ClientRequest = start(url, {
      method: 'POST',
      // A pooled connection may have been made by somebody who checked nothing.
      agent: false,
      lookup: guardedLookup(posting.policy),
      signal,
      ...(posting.ca !== undefined && { ca: posting.ca }),
      headers: {
        'user-agent': 'perfscope',
        'content-length': Buffer.byteLength(posting.body),
        ...posting.headers,
      },
    });
    sending.on('error', reject);
    sending.on('response', (response) => read(response).then(resolve, reject));
    sending.end(posting.body);
  });
}

async function read(response: IncomingMessage): Promise<Hop> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response) {
    parts.push(part as Buffer);
    bytes += (part as Buffer).length;
    // Leaving the loop ends the connection, whatever else would come.
    if (bytes >= MOST_ANSWER_BYTES) break;
  }
  const { statusCode = 0, headers } = response;
  return {
    status: statusCode,
    retryAfter: headers['retry-after'],
    location: headers.location,
    text: Buffer.concat(parts).subarray(0, MOST_ANSWER_BYTES).toString(),
  };
}
