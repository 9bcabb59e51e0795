import type { Response } from 'express';

/** Rows come this late when something was wrong for a while; what is older changes hardly ever. */
const SETTLED_MS = 3_600_000;
const KEPT_S = 300;

/**
 * How long an answer holds. One about a time that is over is kept by the caller alone; what goes on is
 * asked for again each time, and answered with 304 while it is the same (Express compares its weak ETag).
 */
export function cacheControl(answer: unknown, nowMs: number): string {
  const to = (answer as { to?: unknown } | null | undefined)?.to;
  const toMs = to instanceof Date || typeof to === 'string' ? new Date(to).getTime() : Number.NaN;
  return nowMs - toMs > SETTLED_MS ? `private, max-age=${KEPT_S}` : 'private, no-cache';
}

/** An answer depends on who asks, and in which form. */
export function setCaching(response: Response, control: string): void {
  response.set('Cache-Control', control);
  response.vary('Accept, Authorization, X-API-Key');
}
