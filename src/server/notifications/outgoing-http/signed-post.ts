import { createHmac } from 'node:crypto';
import type { DeliveryOutcome } from '../channels/channel.ts';
import { deliverByHttp, type HttpDelivery } from './http-delivery.ts';

/** What is posted to one address, and by which policy. */
export interface SignedPost extends Pick<HttpDelivery, 'url' | 'body' | 'policy' | 'ca' | 'now'> {
  /** What the other side checks the signature with. */
  readonly secret: string;
  /** The same for every attempt. */
  readonly key: string;
}

/** Makes one attempt to post signed JSON. */
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
      // The signature proves who sent it, and opens nothing.
      confidential: false,
      secrets: [secret, url.href, url.pathname + url.search].filter((text) => text !== '/'),
    },
    signal,
  );
}

/**
 * `t=SECONDS,v1=HEX`: HMAC-SHA256 of the time, a dot and the body, as sent. The time is part of it
 * so that an old message can't be sent again by somebody who has seen it.
 */
export function signWebhookBody(body: string, secret: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  const mac = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${mac}`;
}
