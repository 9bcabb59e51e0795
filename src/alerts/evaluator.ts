import { reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Add } from '../schema/tables.ts';
import type { Store } from '../windows/store.ts';
import type { Transition } from './evaluate/transition.ts';
import { Explainer } from './explain/explainer.ts';
import { InternalWatch, type OwnRoad } from './observe/internal.ts';
import type { ThresholdSettings } from './rules/environment.ts';
import type { Rule } from './rules/rule.ts';
import { Heartbeat } from './run/heartbeat.ts';
import { Herald, type HeraldOptions } from './run/herald.ts';
import { evaluateInternal } from './run/internal-rules.ts';
import { Journal } from './run/journal.ts';
import { QuietBook, type Telling } from './run/quiet-book.ts';
import { Recall } from './run/recall.ts';
import { RuleHealthBook } from './run/rule-health.ts';
import { type Part, planOf, type RulePlan, rulesIn } from './run/rule-plan.ts';
import { RulesFile } from './run/rules-file.ts';
import { Schedule } from './run/schedule.ts';
import { SilenceBook } from './run/silence-book.ts';
import { StateBook } from './run/state-book.ts';
import { StoredRules } from './run/stored-rules.ts';
import { Turns } from './run/turns.ts';

const LOOK_AROUND_MS = 3000;

export interface EvaluatorOptions {
  readonly store: Store;
  readonly add: Add;
  /** Sends what was added. */
  readonly flush: () => Promise<void>;
  readonly road: () => OwnRoad;
  readonly settings: ThresholdSettings;
  /** The user's rules, read again when they change. */
  readonly rulesFile?: string | undefined;
  readonly heartbeatUrl?: string | undefined;
  /** How often services report their health, in ms. */
  readonly healthIntervalMs: number;
  readonly log: Log;
  /** Whom to tell of what is not held back. */
  readonly tell?: (telling: Telling) => void;
  /** Hears after each look at all alerts why they are, or are not, told now. */
  readonly looked?: HeraldOptions['looked'];
  readonly now?: () => number;
}

/** Evaluates the rules again and again, and keeps what is known of alerts. Nothing here rejects. */
export class Evaluator {
  readonly now: () => number;
  readonly rules: RulesFile;
  readonly book: StateBook;
  readonly quiet = new QuietBook();
  readonly silences: SilenceBook;
  readonly journal: Journal;
  readonly health = new RuleHealthBook();
  readonly heartbeat: Heartbeat;
  readonly #watch: InternalWatch;
  readonly #explainer: Explainer;
  readonly #recall: Recall;
  readonly #herald: Herald;
  readonly #stored: StoredRules;
  readonly #turns: Turns;
  #plan: RulePlan;
  #schedule: Schedule | undefined;
  #lookingAround: NodeJS.Timeout | undefined;
  #lateCount = 0;
  /** Transitions of the round that somebody waits for. */
  #told: Transition[] | undefined;

  constructor(options: EvaluatorOptions) {
    const { store, add, flush, road, log, healthIntervalMs, now = Date.now } = options;
    this.now = now;
    const startedMs = now();
    this.rules = new RulesFile(options.settings, options.rulesFile, log, startedMs);
    this.journal = new Journal({ add, flush, log });
    this.heartbeat = new Heartbeat(options.heartbeatUrl, log);
    this.silences = new SilenceBook(store, add, flush);
    this.book = new StateBook((transition, before) => {
      if (this.#herald.note(transition, before)) this.#told?.push(transition);
    });
    this.#watch = new InternalWatch(store, road);
    this.#explainer = new Explainer(store, (id, cause) => this.book.explain(id, cause));
    const { book, health } = this;
    const service = () => road().service;
    this.#recall = new Recall({
      store,
      book,
      service,
      startedMs,
      healthIntervalMs,
      log,
      onPast: (past) => this.#herald.recall(past),
    });
    this.#stored = new StoredRules({ store, book, health, healthIntervalMs, log });
    this.#turns = new Turns((error) => {
      log.error(`Evaluating alert rules failed: ${reasonOf(error)}`);
    });
    this.#plan = planOf(this.rules.set.rules);
    const { journal, quiet, silences, rules } = this;
    this.#herald = new Herald({
      journal,
      quiet,
      silences,
      explainer: this.#explainer,
      set: () => rules.set,
      ruleNamed: (name) => this.ruleNamed(name),
      tell: options.tell ?? (() => {}),
      looked: options.looked ?? (() => {}),
    });
  }

  /** Begins. What is known from before is read as soon as the database answers. */
  start(): void {
    this.#reschedule();
    this.#lookingAround = setInterval(
      () => void this.#turns.take(() => this.#lookAround()),
      LOOK_AROUND_MS,
    ).unref();
  }

  /** Ends after the evaluation that is under way. */
  async stop(): Promise<void> {
    this.#schedule?.stop();
    clearInterval(this.#lookingAround);
    await this.#turns.settled;
    await this.#explainer.settled();
  }

  /** Evaluates all rules once. @returns the transitions, explained */
  async runOnce(now: number = this.now()): Promise<readonly Transition[]> {
    const transitions: Transition[] = [];
    await this.#turns.take(async () => {
      this.#told = transitions;
      await this.#lookAround(now);
      await this.#evaluate(this.#plan.parts, now);
      await this.heartbeat.beat(now);
      this.#told = undefined;
    });
    await this.#explainer.settled();
    return transitions.map((told) => {
      const latest = this.book.find(told.id)?.transition;
      return latest?.seq === told.seq ? latest : told;
    });
  }

  ruleNamed(name: string): Rule | undefined {
    return this.#plan.byName.get(name);
  }

  /** Since the start. */
  get lateEvaluations(): number {
    return this.#lateCount;
  }

  /** Whether what is known from before the start has been read. */
  get isRestored(): boolean {
    return this.#recall.isDone;
  }

  #reschedule(): void {
    this.#schedule?.stop();
    const { parts } = this.#plan;
    this.#schedule = new Schedule({
      intervalMs: this.rules.set.intervalMs,
      parts: parts.length,
      now: this.now,
      run: (from, to) =>
        this.#turns.take(async () => {
          const now = this.now();
          await this.#evaluate(parts.slice(from, to), now);
          if (to === parts.length) void this.heartbeat.beat(now);
        }),
      late: (from, to) => {
        const rules = rulesIn(parts.slice(from, to));
        this.#lateCount += rules;
        this.#watch.late(rules, this.now());
      },
    });
  }

  /** What changes between evaluations: the rules, and the silences. */
  async #lookAround(now: number = this.now()): Promise<void> {
    if (this.rules.refresh(now)) {
      this.#plan = planOf(this.rules.set.rules);
      this.health.keep(new Set(this.#plan.byName.keys()));
      this.#retireOthers(now);
      if (this.#schedule) this.#reschedule();
    }
    if (!this.isRestored) return;
    await this.silences.refresh(now).catch(() => {});
    this.#herald.tell(this.book.live(), now);
  }

  #retireOthers(now: number): void {
    for (const name of this.book.rules) if (!this.ruleNamed(name)) this.book.retire(name, now);
  }

  async #evaluate(parts: readonly Part[], now: number): Promise<void> {
    const batches = parts.filter((part) => part !== 'internal');
    const reachable = batches.length === 0 || (await this.#recallOnce(now));
    await this.#stored.evaluate(batches, now, reachable);
    if (parts.includes('internal')) {
      const { book, health } = this;
      await evaluateInternal({ watch: this.#watch, book, health }, this.#plan, now);
    }
    this.#herald.tell(this.book.live(), now);
  }

  /** @returns whether it is known what was before the start */
  async #recallOnce(now: number): Promise<boolean> {
    const wasKnown = this.isRestored;
    // What flaps goes on with fewer changes in its window than it began with in an earlier one.
    const historyMs = 2 * this.rules.set.flapping.windowMs;
    const isKnown = await this.#recall.read(this.#plan.stored, now, historyMs);
    if (isKnown && !wasKnown) {
      this.#retireOthers(now);
      await this.silences.refresh(now).catch(() => {});
    }
    return isKnown;
  }
}
