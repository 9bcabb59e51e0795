import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { startTask } from '../../core/guard.ts';
import type { Logger } from '../../core/log.ts';
import { errorMessage, type PerfscopeError } from '../../core/perfscope-error.ts';
import type { Retention } from '../../core/schema/rollup-definitions.ts';
import { applyRetention } from './apply-retention.ts';
import { type MigrationReport, migrate } from './migrate.ts';

const CHECK_INTERVAL_MS = 30_000;

export interface SchemaRepairJobOptions {
  readonly target: () => WriteTarget;
  readonly retention: Retention;
  /** Whether QuestDB stores rows. Otherwise, changed tables can't be read, so no check is made. */
  readonly isStoringRows: () => boolean;
  readonly log: Logger;
}

/** Checks and repairs the schema every 30 s, and logs each repair. */
export class SchemaRepairJob {
  readonly #options: SchemaRepairJobOptions;
  #conflicts: readonly PerfscopeError[] = [];
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #failure: string | undefined;
  /** Tables whose retention this job has set. */
  readonly #knownTables = new Set<number>();
  readonly #stopping = new AbortController();

  constructor(options: SchemaRepairJobOptions) {
    this.#options = options;
  }

  /** Parts of the schema that can't be repaired (PS_SCHEMA_CONFLICT). */
  get conflicts(): readonly PerfscopeError[] {
    return this.#conflicts;
  }

  start(): void {
    const check = () => {
      this.#running ??= this.runOnce().finally(() => {
        this.#running = undefined;
      });
    };
    this.#timer = setInterval(() => startTask('the schema check', check), CHECK_INTERVAL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.#running;
  }

  /** Checks and repairs the schema once. Logs a failure and never rejects. */
  async runOnce(): Promise<void> {
    const { target, retention, isStoringRows, log } = this.#options;
    if (!isStoringRows()) return;
    try {
      const report = await migrate(target(), retention, { signal: this.#stopping.signal });
      if (report.repaired.length > 0) {
        const parts = report.repaired.join(', ');
        log.warn(`Parts of the schema were missing and were created: ${parts}.`);
      }
      // A service that creates a table uses its own retention.
      await applyRetention(target(), retention, this.#knownTables);
      this.recordConflicts(report);
      this.#failure = undefined;
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      const reason = errorMessage(error);
      if (reason !== this.#failure) log.warn(`Failed to check the schema: ${reason}`);
      this.#failure = reason;
    }
  }

  /** Logs the conflicts in a report that were not in the previous report. */
  recordConflicts({ conflicts }: MigrationReport): void {
    const known = new Set(this.#conflicts.map(({ message }) => message));
    for (const { message } of conflicts) if (!known.has(message)) this.#options.log.warn(message);
    this.#conflicts = conflicts;
  }
}
