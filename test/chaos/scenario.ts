import type { ChaosRun } from './chaos-run.ts';

export interface Scenario {
  readonly name: string;
  /** What fails, for the table. */
  readonly failure: string;
  /** Reasons for which rows can be lost, if they are counted. Default: none. */
  readonly mayLose?: readonly string[];
  /** Whether the scenario disturbs the QuestDB that other scenarios use. Default: false. */
  readonly isExclusive?: boolean;
  /** Whether only `--full` runs it. Default: false. */
  readonly isFull?: boolean;
  /** Returns why the scenario can't run on this machine, or undefined. */
  readonly skip?: () => string | undefined;
  run(run: ChaosRun): Promise<void>;
}

/** One row of the table. */
export interface ScenarioResult {
  readonly name: string;
  readonly failure: string;
  readonly recorded: number;
  readonly stored: number;
  readonly doubled: number;
  readonly lost: number;
  /** Lost rows that were counted, by reason. */
  readonly counted: Readonly<Record<string, number>>;
  readonly recoveryMs: number | undefined;
  readonly memoryGrowth: number;
  /** Why the scenario failed. Empty if it passed. */
  readonly faults: readonly string[];
  readonly skipped?: string | undefined;
  readonly seconds: number;
}
