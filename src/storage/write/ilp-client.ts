import { Agent, request } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { errorMessage } from '../../core/perfscope-error.ts';

/** The result of a write: stored, failed temporarily, or rejected permanently. */
export type WriteOutcome =
  | { kind: 'stored' }
  | { kind: 'retry'; reason: string }
  | { kind: 'refused'; reason: string };

/**
 * Sends lines to the `/write` endpoint of QuestDB. Its connections never keep the process alive.
 */
export class IlpClient {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 2 });
  readonly #secureAgent = new SecureAgent({ keepAlive: true, maxSockets: 2 });

  /** Sends lines. Always resolves within `deadlineMs`, and never rejects. */
  write(target: WriteTarget, lines: readonly Buffer[], deadlineMs: number): Promise<WriteOutcome> {
    return new Promise((resolve) => {
      const signal = AbortSignal.timeout(deadlineMs);
      const retry = (error: unknown) =>
        resolve({ kind: 'retry', reason: signal.aborted ? 'no response' : errorMessage(error) });
      try {
        const url = new URL('/write?precision=n', target.url);
        const secure = url.protocol === 'https:';
        const options = {
          method: 'POST',
          agent: secure ? this.#secureAgent : this.#agent,
          signal,
          headers: {
            'content-type': 'text/plain; charset=utf-8',
            'content-length': lines.reduce((sum, part) => sum + part.length, 0),
            ...(target.authorization && { authorization: target.authorization }),
          },
        };
        const outgoing = (secure ? secureRequest : request)(url, options, (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('error', retry);
          response.on('end', () => {
            resolve(toWriteOutcome(response.statusCode ?? 0, Buffer.concat(parts).toString()));
          });
        });
        outgoing.on('error', retry);
        outgoing.on('socket', (socket) => socket.unref());
        for (const part of lines) outgoing.write(part);
        outgoing.end();
      } catch (error) {
        retry(error);
      }
    });
  }

  close(): void {
    this.#agent.destroy();
    this.#secureAgent.destroy();
  }
}

/**
 * Returns the outcome of an HTTP response. Only status 400 means that the lines are invalid. Other
 * failures can be temporary, such as a changed password, a proxy error, or a server restart.
 */
function toWriteOutcome(status: number, body: string): WriteOutcome {
  if (status >= 200 && status < 300) return { kind: 'stored' };
  const reason = `HTTP ${status} ${body.slice(0, 300)}`.trim();
  return { kind: status === 400 ? 'refused' : 'retry', reason };
}
