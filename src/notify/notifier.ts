import { WatchedFile } from '../entries/watched-file.ts';
import { reasonOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Add } from '../schema/tables.ts';
import type { AlertBook, Holding, KnownAlert, Telling } from './alert.ts';
import type { Message } from './channel.ts';
import { Decider } from './decider.ts';
import { Deliverer } from './deliver/deliverer.ts';
import type { Delivery } from './deliver/delivery.ts';
import { Journal } from './deliver/journal.ts';
import { failing, type OpenChannel, Opener } from './opener.ts';
import { People, type StoredPeople } from './people/people.ts';
import { DEADLINE_MS } from './plan/defaults.ts';
import { loadNotifyPlan } from './plan/load.ts';
import type { NotifyPlan } from './plan/plan.ts';
import { Recorder } from './record/recorder.ts';
import { Suppressions } from './record/suppressions.ts';
import type { Decided } from './route/decide.ts';
import type { Target } from './route/target.ts';
import { Threads } from './route/threads.ts';

export interface NotifierOptions {
  readonly add: Add;
  /** Puts rows on disk, and sends them. */
  readonly flush: () => Promise<void>;
  readonly log: Log;
  /** Folder in which the journal lies. */
  readonly dataDir: string;
  /** Who is told of what; read again when it changes. */
  readonly file: string | undefined;
  readonly timeZone: string;
  /** People beside those of the file and of the application's function. */
  readonly stored?: StoredPeople;
  readonly alerts: AlertBook;
  /** After which time what goes on unchanged is told again. */
  readonly repeatMs: () => number;
  readonly open: OpenChannel;
  /** Adds links to a message when it is sent. */
  readonly withLinks?: (message: Message) => Message;
  readonly attemptMs?: number;
  readonly breakMs?: number;
  readonly now?: () => number;
  readonly random?: () => number;
}

const TICK_MS = 1000;
const ATTEMPT_MS = 15_000;
const BREAK_MS = 30_000;
/** Clocks of the evaluator and of this are asked at different moments. */
const REPEAT_TOLERANCE = 0.9;
const CLOSED_WITHIN_MS = 2000;

/** Turns alerts into messages to the right people, once. Nothing here rejects. */
export class Notifier {
  readonly #options: NotifierOptions;
  readonly #now: () => number;
  readonly #file: WatchedFile<NotifyPlan>;
  readonly #journal: Journal;
  readonly #threads: Threads;
  readonly #decider: Decider;
  readonly #suppressions: Suppressions;
  readonly #opener: Opener;
  readonly #deliverer: Deliverer;
  readonly recorder: Recorder;
  readonly people: People;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();

  /** @throws PS_JOURNAL_UNWRITABLE */
  constructor(options: NotifierOptions) {
    const { now = Date.now, log, timeZone, file: path, dataDir, add, flush } = options;
    this.#options = options;
    this.#now = now;
    this.#file = new WatchedFile<NotifyPlan>(
      {
        path,
        log,
        code: 'PS_NOTIFY_INVALID',
        initial: loadNotifyPlan(timeZone),
        load: (named) => loadNotifyPlan(timeZone, named),
        said: ({ receivers }, from) =>
          `${receivers.size} receivers are known, with those of ${from}.`,
      },
      now(),
    );
    this.people = new People({ file: () => this.plan.people, stored: options.stored, log });
    this.#journal = Journal.open(dataDir, log);
    this.#threads = new Threads(this.#journal);
    this.recorder = new Recorder({ add, flush });
    this.#suppressions = new Suppressions(this.recorder);
    const shared = { journal: this.#journal, threads: this.#threads };
    this.#decider = new Decider({
      ...shared,
      log,
      alerts: options.alerts,
      suppressions: this.#suppressions,
      plan: () => this.plan,
      people: () => this.people.all,
    });
    this.#opener = new Opener(options.open);
    this.#deliverer = new Deliverer({
      ...shared,
      recorder: this.recorder,
      now,
      open: (target) => this.#channelOf(target),
      receiver: (name) => this.plan.receivers.get(name),
      sent: (message) => options.withLinks?.(message) ?? message,
      attemptMs: options.attemptMs ?? ATTEMPT_MS,
      breakMs: options.breakMs ?? BREAK_MS,
      random: options.random ?? Math.random,
    });
  }

  get plan(): NotifyPlan {
    return this.#file.value;
  }

  get file() {
    return this.#file.status;
  }

  /** Goes on with what was left, and begins to look what is due. */
  async start(): Promise<void> {
    await this.people.start(this.#now());
    const left = this.#deliverer.resume();
    if (left > 0) this.#options.log.info(`${left} messages of before the start go on.`);
    this.#timer = setInterval(() => void this.tick(), TICK_MS).unref();
  }

  /** Ends soon; what is under way goes on with the next start. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sending;
    await this.#deliverer.close(CLOSED_WITHIN_MS);
    await this.#journal.close();
  }

  /** Tells of a group that nothing holds back. */
  tell(telling: Telling): void {
    this.#guard(() => {
      const repeatMs = REPEAT_TOLERANCE * this.#options.repeatMs();
      this.#commit(this.#decider.decide(telling, repeatMs, this.#now()));
    });
  }

  /** Hears of all alerts, and records why they are not told now, each time that this changes. */
  looked(alerts: Iterable<{ alert: KnownAlert; held: readonly Holding[] }>): void {
    this.#guard(() => {
      const now = this.#now();
      const known = new Set<string>();
      for (const { alert, held } of alerts) {
        // What was told and goes on is no news: nobody is kept from anything.
        const reasons = held.filter(({ reason }) => reason !== 'duplicate');
        this.#suppressions.note(alert, 'quiet', reasons, now);
        known.add(alert.id);
      }
      this.#suppressions.keep(known);
    });
  }

  /** Looks what is due: the file, escalations, digests, and what a time of day has held. */
  async tick(): Promise<void> {
    const now = this.#now();
    this.people.refresh(now);
    this.#guard(() => {
      if (this.#file.refresh(now)) this.#opener.forget();
      this.#commit(this.#decider.due(now));
    });
    for (const telling of await this.#decider.ended(now)) this.tell(telling);
  }

  /** Resolves when all that was decided is in the journal. */
  settled(): Promise<void> {
    return this.#sending;
  }

  /** What was decided is on disk before the first attempt. */
  #commit(decided: readonly Decided[]): void {
    const now = this.#now();
    const deliveries = decided.map(({ message, thread }): Delivery => {
      const receiver = this.plan.receivers.get(message.receiver);
      const deadlineMs = now + (receiver?.deadlineMs ?? DEADLINE_MS);
      return {
        id: message.id,
        target: thread.target,
        message,
        decidedMs: now,
        deadlineMs,
        attempt: 0,
        rows: 0,
      };
    });
    for (const { thread } of decided) this.#threads.put(thread);
    for (const delivery of deliveries) this.#deliverer.keep(delivery);
    const send = async () => {
      await this.#journal.flush();
      for (const delivery of deliveries) this.#deliverer.send(delivery);
    };
    this.#sending = this.#sending.then(send);
  }

  #channelOf(target: Target) {
    const found = this.#opener.of(target, this.plan, this.people.all);
    const mayCome = 'gone' in found && target.person !== undefined && !this.people.areKnown;
    return mayCome ? failing(target.kind, 'it is not known yet who everybody is') : found;
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.log.error(`Notifying failed: ${reasonOf(error)}`);
    }
  }
}
