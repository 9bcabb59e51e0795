import { createHmac } from 'node:crypto';
import type { DeliveryOutcome } from '../channels/channel.ts';
import { deliverByHttp, type HttpDelivery } from './http-delivery.ts';

export interface SignedPost extends Pick<HttpDelivery, 'url' | 'body' | 'policy' | 'ca' | 'now'> {
  /** Secret that the receiver uses to check the signature. */
  readonly secret: string;
  /** Idempotency key. It must be the same for every attempt. */
  readonly key: string;
}

/** Makes one attempt to post signed JSON. Never rejects. */
export function postSigned(
  { url, body, policy, ca, now, secret, key }: SignedPost,
  signal: AbortSignal,
): Promise<DeliveryOutcome> {
  const headers = {
    'content-type': 'application/json',
    'idempotency-key': key,
    'x-perfscope-signature': signWebhookBody(body, secret, now()),
  };
  return deliverByHttp(
    {
      url,
      body,
      headers,
      policy,
      ca,
      now,
      // The signature grants no access, so redirects to other hosts are fine.
      confidential: false,
      secrets: [secret, url.href, url.pathname + url.search].filter((text) => text !== '/'),
    },
    signal,
  );
}

/**
 * Returns `t=SECONDS,v1=HEX`. The value is the HMAC-SHA256 of the time, a dot, and the body. It
 * includes the time so that receivers can reject replayed messages.
 */
export function signWebhookBody(body: string, secret: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  const mac = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${mac}`;
}
