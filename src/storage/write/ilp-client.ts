import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import { QuestdbHttpClient } from '../questdb/questdb-http-client.ts';

/** The result of a write: stored, failed temporarily, or rejected permanently. */
export type WriteOutcome =
  | { kind: 'stored' }
  | { kind: 'retry'; reason: string }
  | { kind: 'refused'; reason: string };

/**
 * Sends lines to the `/write` endpoint of QuestDB. Its connections never keep the process alive.
 */
export class IlpClient {
  readonly #client = new QuestdbHttpClient({ keepsProcessAlive: false });

  /** Sends lines. Always resolves within `deadlineMs`, and never rejects. */
  async write(
    target: WriteTarget,
    lines: readonly Buffer[],
    deadlineMs: number,
  ): Promise<WriteOutcome> {
    try {
      const { status, body } = await this.#client.send(target, {
        method: 'POST',
        path: '/write?precision=n',
        headers: { 'content-type': 'text/plain; charset=utf-8' },
        body: lines,
        timeoutMs: deadlineMs,
      });
      return toWriteOutcome(status, body);
    } catch (error) {
      const isTimeout = error instanceof DOMException && error.name === 'TimeoutError';
      return { kind: 'retry', reason: isTimeout ? 'no response' : errorMessage(error) };
    }
  }

  close(): void {
    this.#client.close();
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
