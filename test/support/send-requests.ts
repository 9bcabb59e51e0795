import { request } from 'node:http';
import autocannon from 'autocannon';

/** Sends `amount` requests over several connections. @returns how many were answered */
export async function sendRequests(
  url: string,
  amount: number,
  options: Partial<autocannon.Options> = {},
): Promise<number> {
  const connections = Math.min(8, amount);
  // A request that a busy machine delays must not be given up: every one is counted.
  const timeout = 120;
  const result = await autocannon({ url, amount, connections, timeout, ...options });
  return result['2xx'] + result.non2xx;
}

/** Sends requests that it gives up while the server has not answered. */
export async function sendAbortedRequests(url: string, amount: number): Promise<number> {
  for (let i = 0; i < amount; i++) {
    await new Promise<void>((done) => {
      const sent = request(url, { agent: false });
      sent.on('error', () => {});
      sent.on('close', done);
      // The headers must have arrived before the connection goes.
      sent.end(() => setTimeout(() => sent.destroy(), 20));
    });
  }
  return amount;
}
