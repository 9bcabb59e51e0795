import type { Outcome } from '../../channel.ts';
import { type Delivery, deliverByHttp } from '../../http/deliver.ts';
import { signatureOf } from './signature.ts';

/** What is posted to one address, and by which policy. */
export interface SignedPost extends Pick<Delivery, 'url' | 'body' | 'policy' | 'ca' | 'now'> {
  /** What the other side checks the signature with. */
  readonly secret: string;
  /** The same for every attempt. */
  readonly key: string;
}

/** Makes one attempt to post signed JSON. */
export function postSigned(
  { url, body, policy, ca, now, secret, key }: SignedPost,
  signal: AbortSignal,
): Promise<Outcome> {
  const headers = {
    'content-type': 'application/json',
    'idempotency-key': key,
    'x-perfscope-signature': signatureOf(body, secret, now()),
  };
  return deliverByHttp(
    {
      url,
      body,
      headers,
      policy,
      ca,
      now,
      // The signature proves who sent it, and opens nothing.
      confidential: false,
      secrets: [secret, url.href, url.pathname + url.search].filter((text) => text !== '/'),
    },
    signal,
  );
}
