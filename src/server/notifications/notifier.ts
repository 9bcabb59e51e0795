import type { AlertGroup, AlertLookup, EvaluatedAlert, Labels } from '../../core/alerts/alert.ts';
import { WatchedFile } from '../../core/config-files/watched-file.ts';
import type { Logger } from '../../core/log.ts';
import { createError, errorMessage } from '../../core/perfscope-error.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { Message } from './channels/channel.ts';
import {
  ChannelResolver,
  createFailingChannel,
  isUnavailable,
} from './channels/channel-resolver.ts';
import type { CreateChannel } from './channels/create-channel.ts';
import { loadNotificationConfig } from './config/load-notification-config.ts';
import type { NotificationConfig } from './config/notification-config.ts';
import { DEFAULT_DEADLINE_MS } from './config/notification-config.ts';
import { Deliverer } from './delivery/deliverer.ts';
import type { Delivery } from './delivery/delivery-record.ts';
import { NotificationJournal } from './delivery/notification-journal.ts';
import {
  NotificationRecorder,
  SuppressionRecorder,
  toDeliveryRow,
} from './delivery/notification-recorder.ts';
import { type SampleResult, sendSamples, toSampleAttempt } from './delivery/send-samples.ts';
import { toMessageIncident } from './message/message-incident.ts';
import { PeopleRegistry, type StoredPeople } from './people/people-registry.ts';
import type { PlannedMessage } from './planning/group-messages.ts';
import { NotificationPlanner } from './planning/notification-planner.ts';
import { NotificationThreadStore } from './planning/notification-thread-store.ts';
import type { Target } from './routing/notification-target.ts';

export interface NotifierOptions {
  readonly add: AddRows;
  /** Writes added rows to disk and sends them. */
  readonly flush: () => Promise<void>;
  readonly log: Logger;
  /** Folder for the journal. */
  readonly dataDir: string;
  /** Path of the notification file. It is reloaded when it changes. */
  readonly file: string | undefined;
  readonly timeZone: string;
  /** People that were added through the API. */
  readonly storedPeople?: StoredPeople;
  readonly alerts: AlertLookup;
  /** Interval at which unchanged active alerts are sent again. */
  readonly repeatMs: () => number;
  readonly createChannel: CreateChannel;
  /** Adds links to a message before it is sent. */
  readonly addLinks?: (message: Message) => Message;
  /** Time limit for one delivery attempt, in ms. Default: 15,000. */
  readonly attemptTimeoutMs?: number;
  /** How long a channel's circuit breaker stays open, in ms. Default: 30,000. */
  readonly circuitBreakMs?: number;
  readonly now?: () => number;
  readonly random?: () => number;
}

const TICK_INTERVAL_MS = 1000;
const DEFAULT_ATTEMPT_TIMEOUT_MS = 15_000;
const DEFAULT_CIRCUIT_BREAK_MS = 30_000;
/** Tolerance, because the evaluator and the notifier read the clock at different moments. */
const REPEAT_TOLERANCE = 0.9;
const CLOSE_TIMEOUT_MS = 2000;

/** Routes alerts to receivers and sends each message once. Methods never reject. */
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
          `Loaded ${receivers.size} receivers, including the default, from ${from}.`,
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
      circuitBreakMs: options.circuitBreakMs ?? DEFAULT_CIRCUIT_BREAK_MS,
      random: options.random ?? Math.random,
    });
  }

  get config(): NotificationConfig {
    return this.#file.value;
  }

  get file() {
    return this.#file.status;
  }

  /** Resumes pending deliveries and starts the timer. */
  async start(): Promise<void> {
    await this.people.start(this.#now());
    const pending = this.#deliverer.resume();
    if (pending > 0) {
      this.#options.log.info(`Resuming ${pending} messages left from before the restart.`);
    }
    this.#timer = setInterval(() => void this.tick(), TICK_INTERVAL_MS).unref();
  }

  /** Stops within a few seconds. Unfinished deliveries are resumed after the next start. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sending;
    await this.#deliverer.close(CLOSE_TIMEOUT_MS);
    await this.#journal.close();
  }

  /** Sends a group whose alerts are not suppressed. */
  notify(group: AlertGroup): void {
    this.#logErrors(() => {
      const repeatMs = REPEAT_TOLERANCE * this.#options.repeatMs();
      this.#commit(this.#planner.planGroup(group, repeatMs, this.#now()));
    });
  }

  /**
   * Records why alerts are suppressed, each time the reasons change. Called after each evaluation.
   */
  onEvaluated(alerts: Iterable<EvaluatedAlert>): void {
    this.#logErrors(() => {
      const now = this.#now();
      const ids = new Set<string>();
      for (const { alert, suppressions } of alerts) {
        // A duplicate was already sent, so it is not recorded as suppressed.
        const reasons = suppressions.filter(({ reason }) => reason !== 'duplicate');
        this.#suppressionRecorder.record(alert, 'suppression', reasons, now);
        ids.add(alert.id);
      }
      this.#suppressionRecorder.forgetAllExcept(ids);
    });
  }

  /** Reloads the file if it changed, and sends due digests, escalations, and unmuted groups. */
  async tick(): Promise<void> {
    const now = this.#now();
    this.people.refresh(now);
    this.#logErrors(() => {
      if (this.#file.refresh(now)) this.#channelResolver.clear();
      this.#commit(this.#planner.planDue(now));
    });
    for (const group of await this.#planner.findUnnotifiedResolutions(now)) this.notify(group);
  }

  /**
   * Sends a sample alert through each channel of a receiver immediately, without the journal and without retries.
   *
   * @throws PS_NOT_FOUND if there is no such receiver
   */
  async sendSamples(name: string, labels: Labels): Promise<SampleResult[]> {
    const receiver = this.config.receivers.get(name);
    if (!receiver) throw createError('PS_NOT_FOUND', { item: 'receiver', id: name });
    return sendSamples(receiver, labels, {
      config: this.config,
      people: this.people.all,
      resolveChannel: (target) => this.#resolveChannel(target),
      storeInApp: (delivery, recipient) =>
        this.recorder.record(toDeliveryRow(delivery, toSampleAttempt(recipient))),
    });
  }

  /** Resolves when all planned messages are in the journal. */
  waitUntilJournaled(): Promise<void> {
    return this.#sending;
  }

  /** Writes planned messages to the journal, and sends them after they are on disk. */
  #commit(planned: readonly PlannedMessage[]): void {
    const now = this.#now();
    const deliveries = planned.map(({ target, message: plannedMessage }): Delivery => {
      const message = this.#addIncident(plannedMessage, target);
      const receiver = this.config.receivers.get(message.receiver);
      const deadlineMs = now + (receiver?.deadlineMs ?? DEFAULT_DEADLINE_MS);
      return {
        id: message.id,
        target,
        message,
        decidedMs: now,
        deadlineMs,
        attempt: 0,
        rows: 0,
      };
    });
    for (const { thread } of planned) if (thread) this.#threads.put(thread);
    for (const delivery of deliveries) this.#deliverer.persist(delivery);
    const send = async () => {
      await this.#journal.flush();
      for (const delivery of deliveries) this.#deliverer.send(delivery);
    };
    this.#sending = this.#sending.then(send);
  }

  /** Adds the incident of the alerts. All attempts to send the message contain the same text. */
  #addIncident(message: Message, target: Target): Message {
    const { alerts } = this.#options;
    const found = message.alerts.map(({ id }) => alerts.findIncident?.(id));
    const [summary] = found;
    if (!summary || found.some((each) => each?.id !== summary.id)) return message;
    return { ...message, incident: toMessageIncident(summary, message, target, this.people.all) };
  }

  #resolveChannel(target: Target) {
    const channel = this.#channelResolver.resolve(target, this.config, this.people.all);
    const mayAppearLater =
      isUnavailable(channel) && target.person !== undefined && !this.people.isLoaded;
    return mayAppearLater
      ? createFailingChannel(target.kind, 'the list of people is not complete yet')
      : channel;
  }

  #logErrors(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#options.log.error(`Notification processing failed: ${errorMessage(error)}`);
    }
  }
}
