import { runGuarded } from '../../core/guard.ts';

/** What fails, for {@link runGuarded}. */
const PART = 'the export after an invocation';
/** Time without a further attempt after a database didn't answer within the budget, in ms. Doubles up to the maximum. */
const MIN_BACKOFF_MS = 1000;
const MAX_BACKOFF_MS = 30_000;

/** The parts of an agent that send the rows of an invocation. */
export interface FlushedAgent {
  /** Writes all rows to the spool, and returns whether there is something to send. */
  flushSync(): boolean;
  sendSpooled(timeoutMs: number): Promise<void>;
  /** Whether the spool still contains rows. */
  hasUnsent(): boolean;
}

/**
 * Sends the rows of an invocation before its result is returned, because the process is frozen then. If the database
 * doesn't answer within the budget, the rows stay in the spool. The next invocations then only write to the spool until
 * a backoff has passed, so that an outage doesn't delay each of them.
 */
export class LambdaFlusher {
  readonly #agent: FlushedAgent;
  #backoffMs = 0;
  #nextTryMs = 0;

  constructor(agent: FlushedAgent) {
    this.#agent = agent;
  }

  /** Never rejects, and never takes longer than the budget, except for the write to the spool. */
  async flush(budgetMs: number): Promise<void> {
    const hasRows = runGuarded(PART, () => this.#agent.flushSync());
    if (!hasRows || budgetMs <= 0 || performance.now() < this.#nextTryMs) return;
    // The agent's sockets don't keep the process alive, and the runtime ends a process that has nothing to do.
    const keepAliveTimer = setTimeout(() => {}, budgetMs);
    try {
      await runGuarded(PART, () => this.#agent.sendSpooled(budgetMs));
    } finally {
      clearTimeout(keepAliveTimer);
    }
    this.#backoffMs = this.#agent.hasUnsent()
      ? Math.min(MAX_BACKOFF_MS, Math.max(MIN_BACKOFF_MS, 2 * this.#backoffMs))
      : 0;
    this.#nextTryMs = performance.now() + this.#backoffMs;
  }
}
