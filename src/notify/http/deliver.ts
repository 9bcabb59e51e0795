import type { Outcome } from '../channel.ts';
import { outcomeOfAnswer, outcomeOfError } from './outcome.ts';
import { type Posting, send } from './send.ts';

export interface Delivery extends Posting {
  /** What no reason may show: the URL's own path, tokens, keys. */
  readonly secrets: readonly string[];
  readonly now: () => number;
}

/** One attempt by HTTP. Never rejects. */
export async function deliverByHttp(delivery: Delivery, signal: AbortSignal): Promise<Outcome> {
  const { url, secrets, now } = delivery;
  try {
    return outcomeOfAnswer(await send(delivery, signal), url.origin, secrets, now());
  } catch (error) {
    return outcomeOfError(error, url.origin, secrets, signal);
  }
}
