import { request } from 'node:http';
import autocannon from 'autocannon';

/**
 * Sends `amount` requests over several connections.
 *
 * @returns number of responses
 */
export async function sendRequests(
  url: string,
  amount: number,
  options: Partial<autocannon.Options> = {},
): Promise<number> {
  const connections = Math.min(8, amount);
  // Long enough for a busy machine, because tests count every request.
  const timeout = 120;
  const result = await autocannon({ url, amount, connections, timeout, ...options });
  return result['2xx'] + result.non2xx;
}

/** Sends requests and aborts them before the server responds. */
export async function sendAbortedRequests(url: string, amount: number): Promise<number> {
  for (let i = 0; i < amount; i++) {
    await new Promise<void>((done) => {
      const sent = request(url, { agent: false });
      sent.on('error', () => {});
      sent.on('close', done);
      // The server must receive the headers before the connection closes.
      sent.end(() => setTimeout(() => sent.destroy(), 20));
    });
  }
  return amount;
}
