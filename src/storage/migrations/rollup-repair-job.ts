import type { WriteTarget } from '../../core/config/questdb-targets.ts';
import { MINUTE_MS } from '../../core/duration.ts';
import { startTask } from '../../core/guard.ts';
import type { Logger } from '../../core/log.ts';
import { errorMessage } from '../../core/perfscope-error.ts';
import type { Retention } from '../../core/schema/rollup-definitions.ts';
import { readRollups, type StoredRollup, type StoredRollups } from './read-rollups.ts';
import { pruneRollupHistories } from './rollup-history-tables.ts';
import { type RollupRepair, repairRollup } from './rollup-repair.ts';

const REPAIR_INTERVAL_MS = MINUTE_MS;
const MAX_RETRY_DELAY_MS = 60 * MINUTE_MS;

export interface RollupRepairJobOptions {
  readonly target: () => WriteTarget;
  readonly retention: Retention;
  /** Whether QuestDB stores rows. Otherwise, no repair is made. */
  readonly isStoringRows: () => boolean;
  readonly log: Logger;
  /** Returns the time in ms, from any monotonic clock. */
  readonly now?: () => number;
}

/** The repairs of one roll-up since it became invalid. */
interface RepairState {
  attempts: number;
  nextAttemptMs: number;
  /** Latest logged message. */
  logged: string | undefined;
}

/** Repairs roll-ups that QuestDB has invalidated, once a minute, and logs each repair. */
export class RollupRepairJob {
  readonly #options: RollupRepairJobOptions;
  readonly #now: () => number;
  readonly #states = new Map<string, RepairState>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(options: RollupRepairJobOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  start(): void {
    const run = () => {
      this.#running ??= this.runOnce().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    };
    this.#timer = setInterval(() => startTask('the roll-up repair', run), REPAIR_INTERVAL_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  /** Checks and repairs all roll-ups once. Ignores errors while QuestDB is unavailable. */
  async runOnce(): Promise<void> {
    const { target, retention, isStoringRows } = this.#options;
    if (!isStoringRows()) return;
    try {
      const stored = await readRollups(target());
      const invalid = stored.rollups.filter(({ isInvalid }) => isInvalid);
      const invalidNames = new Set(invalid.map(({ name }) => name));
      for (const name of this.#states.keys()) {
        if (!invalidNames.has(name)) this.#states.delete(name);
      }
      for (const rollup of invalid) await this.#repair(rollup, stored);
      await pruneRollupHistories(target(), [...stored.ids.keys()], retention, Date.now());
    } catch {
      // QuestDB is unavailable. Other parts of the server report this.
    }
  }

  async #repair(rollup: StoredRollup, stored: StoredRollups): Promise<void> {
    const { target, retention } = this.#options;
    const state = this.#states.get(rollup.name) ?? {
      attempts: 0,
      nextAttemptMs: this.#now(),
      logged: undefined,
    };
    if (this.#now() < state.nextAttemptMs) return;
    this.#states.set(rollup.name, state);
    const delayMs = Math.min(REPAIR_INTERVAL_MS * 2 ** state.attempts, MAX_RETRY_DELAY_MS);
    let result: string;
    try {
      const repair = await repairRollup(target(), rollup, stored, retention);
      if (repair.kind === 'waiting') return;
      result = describeRepair(repair);
    } catch (error) {
      result = `Perfscope could not repair it and tries again later: ${errorMessage(error)}`;
    }
    state.attempts++;
    // A timer can fire a moment too early.
    state.nextAttemptMs = this.#now() + delayMs - REPAIR_INTERVAL_MS / 2;
    if (state.logged === result) return;
    state.logged = result;
    const cause = rollup.reason === undefined ? '' : ` (${rollup.reason})`;
    this.#options.log.warn(`QuestDB invalidated the roll-up ${rollup.name}${cause}. ${result}`);
  }
}

function describeRepair(repair: Exclude<RollupRepair, { kind: 'waiting' }>): string {
  if (repair.kind === 'rebuilding') return 'Perfscope is rebuilding it.';
  return `Perfscope created it again. Its history is in ${repair.tables.join(', ')}.`;
}
