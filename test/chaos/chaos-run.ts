import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { WriteTarget } from '../../src/core/config/questdb-targets.ts';
import { ChaosProgram, type ChaosProgramOptions } from '../support/chaos-program.ts';
import { countDeadLetters, readStoredRows, type StoredRows } from '../support/chaos-rows.ts';
import type { ExternalQuestdb } from '../support/external-questdb.ts';
import { ProxyServer } from '../support/proxy-server.ts';
import { compareRows, type RowComparison } from './compare-rows.ts';

const POLL_MS = 250;
const DEFAULT_PATIENCE_MS = 25_000;
/** Minimum time in which the last process must send the rows of the others. It only ends a sweep that hangs. */
const MIN_SWEEP_MS = 240_000;

export interface ChaosSettings {
  readonly dist: string;
  readonly isFull: boolean;
  readonly soakMinutes: number;
}

interface StartOptions extends Partial<ChaosProgramOptions> {
  /** Whether the program connects to QuestDB without the proxy. Default: false. */
  isDirect?: boolean;
  settings?: NodeJS.ProcessEnv;
}

/** One run of a scenario: its folder, its proxy, and its programs. */
export class ChaosRun {
  readonly id: string;
  readonly folder = mkdtempSync(join(tmpdir(), 'perfscope-chaos-'));
  readonly spool = join(this.folder, 'spool');
  readonly questdb: ExternalQuestdb;
  readonly settings: ChaosSettings;
  readonly proxy: ProxyServer;
  readonly programs: ChaosProgram[] = [];
  /** Reasons of failure that the scenario found itself. */
  readonly faults: string[] = [];
  /** Lost rows that the scenario counted itself, by reason. */
  readonly counted: Record<string, number> = {};
  /** Rows that other threads of the programs recorded, by label. */
  readonly expected = new Map<string, number>();
  /** Number of stored rows of another kind, for scenarios that count differently. */
  other: { recorded: number; stored: number; doubled: number } | undefined;
  /** Target for queries, if the scenario has its own QuestDB. */
  target: WriteTarget | undefined;
  /** Settings of the programs that replace the others, if the scenario has its own QuestDB. */
  programEnv: NodeJS.ProcessEnv = {};
  readonly #cleanUps: (() => Promise<void> | void)[] = [];
  #snapshot: StoredRows | undefined;
  #faultEndMs = performance.now();
  recoveryMs: number | undefined;
  /** Maximum time to wait until all rows are stored or counted. */
  patienceMs = DEFAULT_PATIENCE_MS;

  constructor(name: string, questdb: ExternalQuestdb, settings: ChaosSettings) {
    this.id = `${name}-${Date.now().toString(36)}`;
    this.questdb = questdb;
    this.settings = settings;
    this.proxy = new ProxyServer(() => (this.target ?? questdb.target).url);
    mkdirSync(join(this.folder, 'run'));
  }

  get isFull(): boolean {
    return this.settings.isFull;
  }

  /** Environment of a program that records rows of this run. */
  env(isDirect = false): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      XDG_RUNTIME_DIR: join(this.folder, 'run'),
      ...this.questdb.env,
      ...(!isDirect && { PERFORMANCE_QUESTDB_URL: this.proxy.url }),
      OTEL_SERVICE_NAME: this.id,
      PERFORMANCE_SPOOL_DIR: this.spool,
      PERFORMANCE_FLUSH_INTERVAL: '300',
      SYSTEM_HEALTH_ENABLED: 'false',
      ...this.programEnv,
    };
  }

  async start(options: StartOptions = {}): Promise<ChaosProgram> {
    const { isDirect, settings, ...rest } = options;
    const env = { ...this.env(isDirect), ...settings };
    const program = new ChaosProgram({ dist: this.settings.dist, ...rest, env });
    this.programs.push(program);
    await program.waitUntilReady();
    return program;
  }

  /** Starts a program and waits until QuestDB has stored its first row. */
  async startConnected(options: StartOptions = {}): Promise<ChaosProgram> {
    const program = await this.start(options);
    await program.run('burst 1');
    const { error } = await program.run('flush 30000');
    if (error) throw new Error(error);
    return program;
  }

  /** Calls `cleanUp` when the run ends, after all programs ended. */
  onRemove(cleanUp: () => Promise<void> | void): void {
    this.#cleanUps.push(cleanUp);
  }

  /** Marks the end of the failure. The recovery time starts here. */
  faultEnds(): void {
    this.#faultEndMs = performance.now();
  }

  fail(reason: string): void {
    this.faults.push(reason);
  }

  /** Compares the rows that all programs recorded with the stored rows. */
  compare(stored: StoredRows): RowComparison {
    const others = [...this.expected].map(([label, rows]) => ({
      label,
      recorded: rows,
      savedRows: rows,
    }));
    return compareRows([...this.programs, ...others], stored);
  }

  /** Rows that all programs dropped, by reason. */
  get dropped(): Record<string, number> {
    const sums: Record<string, number> = { ...this.counted };
    for (const { dropped } of this.programs)
      for (const [reason, rows] of Object.entries(dropped))
        sums[reason] = (sums[reason] ?? 0) + rows;
    const deadLetters = countDeadLetters(this.spool);
    if (deadLetters > 0) sums['dead letter'] = deadLetters;
    return sums;
  }

  /** Different messages with an error code that the programs printed. */
  get warnings(): string[] {
    const lines = this.programs.flatMap(({ stderr }) => stderr.split('\n'));
    return [...new Set(lines.filter((line) => /PS_[A-Z]/.test(line)))];
  }

  async readStored(): Promise<StoredRows> {
    return this.#snapshot ?? readStoredRows(this.target ?? this.questdb.target, this.id);
  }

  /** Reads the stored rows for the last time, before the scenario's own QuestDB ends. */
  async takeSnapshot(): Promise<void> {
    this.#snapshot = await this.readStored();
  }

  /**
   * Waits until all rows are stored or counted as dropped. Stops early if that takes longer than
   * `patienceMs`.
   */
  async waitUntilComplete(patienceMs = this.patienceMs): Promise<boolean> {
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline) {
      const stored = await this.readStored().catch(() => undefined);
      if (stored && this.#isComplete(stored)) {
        this.recoveryMs ??= performance.now() - this.#faultEndMs;
        return true;
      }
      await delay(POLL_MS);
    }
    return false;
  }

  /** Sends what the programs left in the spool, as a new process does. */
  async sweep(patienceMs = Math.max(this.patienceMs, MIN_SWEEP_MS)): Promise<void> {
    const successor = await this.start({ isDirect: true, label: 'sweep' });
    const deadline = performance.now() + patienceMs;
    while (performance.now() < deadline && !successor.hasExited) {
      await successor.run('adopt');
      if (await this.waitUntilComplete(POLL_MS)) break;
      await delay(POLL_MS);
    }
    await successor.run('close 30000');
    await successor.exit();
  }

  /** Ends all programs, sends their remaining rows, and waits until they are stored. */
  async finish(): Promise<void> {
    const isComplete = await this.waitUntilComplete();
    for (const program of this.programs) {
      if (program.hasExited) continue;
      await program.run('close 30000').catch((error) => this.fail(String(error.message)));
      await program.exit();
    }
    if (!isComplete) await this.sweep();
  }

  /** Ends everything that the scenario started. Called again, it does nothing. */
  async remove(): Promise<void> {
    for (const program of this.programs) if (!program.hasExited) await program.kill();
    for (const cleanUp of this.#cleanUps.splice(0)) await cleanUp();
    this.proxy.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #isComplete(stored: StoredRows): boolean {
    const counted = Object.values(this.dropped).reduce((sum, rows) => sum + rows, 0);
    const { lost, unsaved } = this.compare(stored);
    return lost - unsaved <= counted;
  }
}
