import { ExistingObject } from '../../loading/hidden-property.ts';
import type { AfterFailure, JobAttempt } from '../job-attempts.ts';

/** Marks a job whose attempt has been recorded, and stores its attempt. */
export class AttemptField extends ExistingObject {
  #attempt: JobAttempt;

  private constructor(job: object, attempt: JobAttempt) {
    super(job);
    this.#attempt = attempt;
  }

  static get(job: object): JobAttempt | undefined {
    return #attempt in job ? job.#attempt : undefined;
  }

  static set(job: object, attempt: JobAttempt): void {
    if (!(#attempt in job)) new AttemptField(job, attempt);
  }
}

/** An attempt that the application or a worker has not ended yet. */
export interface OpenAttempt {
  readonly attempt: JobAttempt;
  readonly next: AfterFailure;
  /** When pg-boss ends the attempt, in ms from `performance.now()`. */
  readonly expiresMs: number;
}

/** Options of `work` and `fetch`. */
export interface WorkerOptions {
  includeMetadata?: unknown;
  perJobResults?: unknown;
}

/** Result of a job in a batch, with `perJobResults`. */
export interface JobResult {
  id?: unknown;
  status?: unknown;
  output?: unknown;
}

/** Result of a method that ends jobs. Only newer versions return the IDs. */
export interface SettleResult {
  affected?: number;
  settled?: readonly string[];
}
