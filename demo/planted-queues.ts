// Queues of scenarios, with one problem each.
import { setTimeout as delay } from 'node:timers/promises';
import { type ConnectionOptions, type Job, type JobsOptions, Queue, Worker } from 'bullmq';
import type pg from 'pg';
import type { Scenario } from './scenarios.ts';

/** Jobs per second of queues that don't depend on the traffic. */
const JOBS_PER_SECOND = 4;
const EXTRA_WORKERS = 16;
const BACKOFF = { type: 'fixed', delay: 2000 } as const;

const logError = (error: Error) => console.error(`queue: ${error.message}`);

interface PlantedQueueOptions {
  readonly connection: ConnectionOptions;
  readonly pool: pg.Pool;
  /** Processes one confirmation email. */
  readonly sendMail: () => Promise<unknown>;
}

/** The queues and workers of the scenarios that run. */
export class PlantedQueues {
  readonly #options: PlantedQueueOptions;
  readonly #opened = new Map<Scenario, (Queue | Worker | NodeJS.Timeout)[]>();
  #loyalty: Queue | undefined;

  constructor(options: PlantedQueueOptions) {
    this.#options = options;
  }

  start(scenario: Scenario): void {
    if (scenario === 'too-few-workers') {
      const queue = this.#createQueue(scenario, 'room-cleaning', { attempts: 1 });
      // One worker plans 3.3 rooms per second.
      this.#createWorker(scenario, queue.name, () => delay(300));
      this.#addRegularly(scenario, queue, 'plan');
    } else if (scenario === 'too-many-workers') {
      for (let i = 0; i < EXTRA_WORKERS; i++)
        this.#createWorker(scenario, 'confirmation-emails', this.#options.sendMail);
    } else if (scenario === 'first-attempt-fails') {
      const queue = this.#createQueue(scenario, 'loyalty-points', {
        attempts: 3,
        backoff: BACKOFF,
      });
      this.#createWorker(scenario, queue.name, (job) => this.#addPoints(job), 10);
      this.#loyalty = queue;
    } else if (scenario === 'retries-without-backoff') {
      const queue = this.#createQueue(scenario, 'site-updates', { attempts: 4 });
      this.#createWorker(scenario, queue.name, updateSite, 10);
      this.#addRegularly(scenario, queue, 'update');
    }
  }

  async stop(scenario: Scenario): Promise<void> {
    const opened = this.#opened.get(scenario) ?? [];
    this.#opened.delete(scenario);
    if (scenario === 'first-attempt-fails') this.#loyalty = undefined;
    for (const each of opened)
      if (!(each instanceof Queue || each instanceof Worker)) clearInterval(each);
    await Promise.all(opened.map((each) => each instanceof Worker && each.close()));
    for (const each of opened) {
      if (!(each instanceof Queue)) continue;
      await each.obliterate({ force: true }).catch(logError);
      await each.close();
    }
  }

  /** Adds the points of a booking, whose transaction hasn't been committed. Does nothing without the scenario. */
  async addPointsTooEarly(booking: string): Promise<void> {
    if (!this.#loyalty) return;
    await this.#loyalty.add('points', { booking });
    // The rest of the transaction takes some time.
    await delay(150);
  }

  async #addPoints({ data }: Job): Promise<unknown> {
    const { rows } = await this.#options.pool.query('SELECT nights FROM bookings WHERE id = $1', [
      data.booking,
    ]);
    if (rows.length === 0) throw new Error('booking not found');
    return { points: 100 * rows[0].nights };
  }

  #createQueue(scenario: Scenario, name: string, options: JobsOptions): Queue {
    const { connection } = this.#options;
    const defaultJobOptions = { removeOnComplete: true, removeOnFail: 500, ...options };
    const queue = new Queue(name, { connection, defaultJobOptions });
    queue.on('error', logError);
    this.#add(scenario, queue);
    return queue;
  }

  #createWorker(
    scenario: Scenario,
    name: string,
    process: (job: Job) => Promise<unknown>,
    concurrency = 1,
  ): void {
    const worker = new Worker(name, process, { connection: this.#options.connection, concurrency });
    worker.on('error', logError);
    this.#add(scenario, worker);
  }

  #addRegularly(scenario: Scenario, queue: Queue, name: string): void {
    const add = () => void queue.add(name, {}).catch(logError);
    this.#add(scenario, setInterval(add, 1000 / JOBS_PER_SECOND));
  }

  #add(scenario: Scenario, opened: Queue | Worker | NodeJS.Timeout): void {
    this.#opened.set(scenario, [...(this.#opened.get(scenario) ?? []), opened]);
  }
}

/** Sends prices to another booking site, which often rejects them. */
async function updateSite(): Promise<void> {
  await delay(20);
  if (Math.random() < 0.3) throw new Error('503 try again later');
}
