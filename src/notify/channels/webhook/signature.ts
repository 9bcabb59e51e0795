import { createHmac } from 'node:crypto';

/**
 * `t=SECONDS,v1=HEX`: HMAC-SHA256 of the time, a dot and the body, as sent. The time is part of it
 * so that an old message can't be sent again by somebody who has seen it.
 */
export function signatureOf(body: string, secret: string, nowMs: number): string {
  const seconds = Math.floor(nowMs / 1000);
  const mac = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return `t=${seconds},v1=${mac}`;
}
