import type { AlertGroup, AlertLookup, EvaluatedAlert } from '../../core/alerts/alert.ts';
import { WatchedFile } from '../../core/config-files/watched-file.ts';
import { errorMessage } from '../../core/errors.ts';
import type { Logger } from '../../core/log.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { Message } from './channels/channel.ts';
import { ChannelResolver, createFailingChannel, isUnavailable } from './channels/channel-resolver.ts';
import type { CreateChannel } from './channels/create-channel.ts';
import { loadNotificationConfig } from './config/load-notification-config.ts';
import type { NotificationConfig } from './config/notification-config.ts';
import { DEFAULT_DEADLINE_MS } from './config/notification-config.ts';
import { Deliverer } from './delivery/deliverer.ts';
import type { Delivery } from './delivery/delivery.ts';
import { NotificationJournal } from './delivery/notification-journal.ts';
import { PeopleRegistry, type StoredPeople } from './people/people-registry.ts';
import type { PlannedMessage } from './planning/group-messages.ts';
import { NotificationPlanner } from './planning/notification-planner.ts';
import { NotificationThreadStore } from './planning/notification-thread-store.ts';
import { NotificationRecorder } from './record/notification-recorder.ts';
import { SuppressionRecorder } from './record/suppression-recorder.ts';
import type { Target } from './routing/notification-target.ts';

export interface NotifierOptions {
  readonly add: AddRows;
  /** Puts rows on disk, and sends them. */
  readonly flush: () => Promise<void>;
  readonly log: Logger;
  /** Folder in which the journal lies. */
  readonly dataDir: string;
  /** Who is told of what; read again when it changes. */
  readonly file: string | undefined;
  readonly timeZone: string;
  /** People beside those of the file and of the application's function. */
  readonly storedPeople?: StoredPeople;
  readonly alerts: AlertLookup;
  /** After which time what goes on unchanged is told again. */
  readonly repeatMs: () => number;
  readonly createChannel: CreateChannel;
  /** Adds links to a message when it is sent. */
  readonly addLinks?: (message: Message) => Message;
  readonly attemptTimeoutMs?: number;
  readonly circuitBreakMs?: number;
  readonly now?: () => number;
  readonly random?: () => number;
}

const TICK_INTERVAL_MS = 1000;
const DEFAULT_ATTEMPT_TIMEOUT_MS = 15_000;
const DEFAULT_BREAK_MS = 30_000;
/** Clocks of the evaluator and of this are asked at different moments. */
const REPEAT_TOLERANCE = 0.9;
const CLOSE_TIMEOUT_MS = 2000;

/** Turns alerts into messages to the right people, once. Nothing here rejects. */
export class Notifier {
  readonly #options: NotifierOptions;
  readonly #now: () => number;
  readonly #file: WatchedFile<NotificationConfig>;
  readonly #journal: NotificationJournal;
  readonly #threads: NotificationThreadStore;
  readonly #planner: NotificationPlanner;
  readonly #suppressionRecorder: SuppressionRecorder;
  readonly #channelResolver: ChannelResolver;
  readonly #deliverer: Deliverer;
  readonly recorder: NotificationRecorder;
  readonly people: PeopleRegistry;
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();

  /** @throws PS_JOURNAL_UNWRITABLE */
  constructor(options: NotifierOptions) {
    const { now = Date.now, log, timeZone, file: path, dataDir, add, flush } = options;
    this.#options = options;
    this.#now = now;
    this.#file = new WatchedFile<NotificationConfig>(
      {
        path,
        log,
        code: 'PS_NOTIFY_INVALID',
        initial: loadNotificationConfig(timeZone),
        load: (named) => loadNotificationConfig(timeZone, named),
        formatLoadedMessage: ({ receivers }, from) =>
          `${receivers.size} receivers are known, with those of ${from}.`,
      },
      now(),
    );
    this.people = new PeopleRegistry({
      file: () => this.config.people,
      stored: options.storedPeople,
      log,
    });
    this.#journal = NotificationJournal.open(dataDir, log);
    this.#threads = new NotificationThreadStore(this.#journal);
    this.recorder = new NotificationRecorder({ add, flush });
    this.#suppressionRecorder = new SuppressionRecorder(this.recorder);
    const shared = { journal: this.#journal, threads: this.#threads };
    this.#planner = new NotificationPlanner({
      ...shared,
      log,
      alerts: options.alerts,
      suppressionRecorder: this.#suppressionRecorder,
      config: () => this.config,
      people: () => this.people.all,
    });
    this.#channelResolver = new ChannelResolver(options.createChannel);
    this.#deliverer = new Deliverer({
      ...shared,
      recorder: this.recorder,
      now,
      resolveChannel: (target) => this.#resolveChannel(target),
      getReceiver: (name) => this.config.receivers.get(name),
      prepareMessage: (message) => options.addLinks?.(message) ?? message,
      attemptTimeoutMs: options.attemptTimeoutMs ?? DEFAULT_ATTEMPT_TIMEOUT_MS,
      circuitBreakMs: options.circuitBreakMs ?? DEFAULT_BREAK_MS,
      random: options.random ?? Math.random,
    });
  }

  get config(): NotificationConfig {
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
    this.#timer = setInterval(() => void this.tick(), TICK_INTERVAL_MS).unref();
  }

  /** Ends soon; what is under way goes on with the next start. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sending;
    await this.#deliverer.close(CLOSE_TIMEOUT_MS);
    await this.#journal.close();
  }

  /** Tells of a group that nothing holds back. */
  notify(telling: AlertGroup): void {
    this.#logErrors(() => {
      const repeatMs = REPEAT_TOLERANCE * this.#options.repeatMs();
      this.#commit(this.#planner.planGroup(telling, repeatMs, this.#now()));
    });
  }

  /** Hears of all alerts, and records why they are not told now, each time that this changes. */
  onEvaluated(alerts: Iterable<EvaluatedAlert>): void {
    this.#logErrors(() => {
      const now = this.#now();
      const known = new Set<string>();
      for (const { alert, suppressions } of alerts) {
        // What was told and goes on is no news: nobody is kept from anything.
        const reasons = suppressions.filter(({ reason }) => reason !== 'duplicate');
        this.#suppressionRecorder.record(alert, 'quiet', reasons, now);
        known.add(alert.id);
      }
      this.#suppressionRecorder.forgetAllExcept(known);
    });
  }

  /** Looks what is due: the file, escalations, digests, and what a time of day has held. */
  async tick(): Promise<void> {
    const now = this.#now();
    this.people.refresh(now);
    this.#logErrors(() => {
      if (this.#file.refresh(now)) this.#channelResolver.clear();
      this.#commit(this.#planner.planDue(now));
    });
    for (const telling of await this.#planner.findUnnotifiedEnds(now)) this.notify(telling);
  }

  /** Resolves when all that was decided is in the journal. */
  waitUntilJournaled(): Promise<void> {
    return this.#sending;
  }

  /** What was decided is on disk before the first attempt. */
  #commit(decided: readonly PlannedMessage[]): void {
    const now = this.#now();
    const deliveries = decided.map(({ message, thread }): Delivery => {
      const receiver = this.config.receivers.get(message.receiver);
      const deadlineMs = now + (receiver?.deadlineMs ?? DEFAULT_DEADLINE_MS);
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
    for (const delivery of deliveries) this.#deliverer.persist(delivery);
    const send = async () => {
      await this.#journal.flush();
      for (const delivery of deliveries) this.#deliverer.send(delivery);
    };
    this.#sending = this.#sending.then(send);
  }

  #resolveChannel(target: Target) {
    const found = this.#channelResolver.resolve(target, this.config, this.people.all);
    const mayAppearLater =
      isUnavailable(found) && target.person !== undefined && !this.people.isLoaded;
    return mayAppearLater
      ? createFailingChannel(target.kind, 'the list of people is not complete yet')
      : found;
  }

  #logErrors(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.log.error(`Notifying failed: ${errorMessage(error)}`);
    }
  }
}
