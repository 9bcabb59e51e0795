import type { WalTable } from './wal-tables.ts';

const FIRST_DELAY_MS = 5000;
const MAX_DELAY_MS = 5 * 60_000;
/** A table that wasn't suspended for this time starts with the shortest delay again. */
const RECOVERY_MS = 60_000;

interface TableSchedule {
  attempts: number;
  nextAttemptMs: number;
  /** Time at which the table was first seen running again. */
  runningSinceMs: number | undefined;
}

/** Changes since the previous update, and the tables to resume now. */
export interface ResumePlan {
  readonly newlySuspended: readonly WalTable[];
  readonly recovered: readonly string[];
  readonly due: readonly string[];
}

/**
 * Decides when to resume suspended tables. Waits while little disk space is left, and waits longer
 * after each attempt, because QuestDB suspends a table again if the cause remains.
 */
export class WalResumeSchedule {
  readonly #schedules = new Map<string, TableSchedule>();

  /**
   * @param tables all tables, suspended or not
   * @param now time in ms, from any monotonic clock
   */
  update(tables: readonly WalTable[], isDiskLow: boolean, now: number): ResumePlan {
    const newlySuspended: WalTable[] = [];
    const recovered: string[] = [];
    const due: string[] = [];
    for (const state of tables) {
      const { table } = state;
      const known = this.#schedules.get(table);
      if (!state.suspended) {
        if (known && this.#markRunning(table, known, now)) recovered.push(table);
        continue;
      }
      const schedule = known ?? { attempts: 0, nextAttemptMs: now, runningSinceMs: now };
      if (schedule.runningSinceMs !== undefined) newlySuspended.push(state);
      schedule.runningSinceMs = undefined;
      this.#schedules.set(table, schedule);
      if (isDiskLow || now < schedule.nextAttemptMs) continue;
      due.push(table);
    }
    return { newlySuspended, recovered, due };
  }

  /** Schedules the next attempt for a suspended table. Call this before each attempt. */
  recordAttempt(table: string, now: number): void {
    const schedule = this.#schedules.get(table);
    if (!schedule) return;
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** schedule.attempts, MAX_DELAY_MS);
    schedule.attempts++;
    schedule.nextAttemptMs = now + delayMs;
  }

  /** @returns whether the table was suspended at the previous update */
  #markRunning(table: string, schedule: TableSchedule, now: number): boolean {
    const { runningSinceMs } = schedule;
    schedule.runningSinceMs ??= now;
    if (now - schedule.runningSinceMs >= RECOVERY_MS) this.#schedules.delete(table);
    return runningSinceMs === undefined;
  }
}
