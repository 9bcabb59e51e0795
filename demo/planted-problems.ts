// The problems that the scenarios for suggestions plant in the booking service. The service calls the methods of
// `PlantedProblems` at the fitting places. Without a scenario, they do nothing.
import { createHash } from 'node:crypto';
import type { ConnectionOptions } from 'bullmq';
import type pg from 'pg';
import { GcPressure } from './gc-pressure.ts';
import { PlantedQueues } from './planted-queues.ts';
import { createPlantedTable, dropPlantedTable } from './planted-tables.ts';
import type { Scenario } from './scenarios.ts';

/** Expensive statements run in one of several requests, so that the host isn't busy. */
const EXPENSIVE_SHARE = 0.15;
const SMALL_POOL = 2;
const SYNC_INTERVAL_MS = 500;
const SYNC_STATEMENTS = 8;
/** The pool has 40 connections, so the service still works. */
const MAX_LEAKED = 12;
const LINES = 30;
const BLOCK_MS = 80;

const REPORTS = [
  'SELECT count(*), avg(price) FROM rate_changes',
  'SELECT property, max(price) FROM rate_changes GROUP BY property',
  'SELECT max(changed), min(price) FROM rate_changes',
];

export interface PlantedProblemsOptions {
  readonly pool: pg.Pool;
  readonly connection: ConnectionOptions;
  readonly sendMail: () => Promise<unknown>;
}

const logError = (error: Error) => console.error(`synchronization: ${error.message}`);
/** A booking of the seed data. */
const pickBooking = () => 1 + Math.floor(Math.random() * 20_000);
const isSelected = () => Math.random() < EXPENSIVE_SHARE;

export class PlantedProblems {
  readonly #pool: pg.Pool;
  readonly #queues: PlantedQueues;
  readonly #poolSize: number | undefined;
  /** Scenarios whose tables and queues exist. */
  readonly #active = new Set<Scenario>();
  readonly #leaked: pg.PoolClient[] = [];
  #syncTimer: NodeJS.Timeout | undefined;
  #gcPressure: GcPressure | undefined;
  #reportCount = 0;

  constructor(options: PlantedProblemsOptions) {
    this.#pool = options.pool;
    this.#poolSize = options.pool.options.max;
    this.#queues = new PlantedQueues(options);
  }

  /** Starts the problems of these scenarios, and ends all others. */
  async set(scenarios: readonly Scenario[]): Promise<void> {
    for (const scenario of [...this.#active])
      if (!scenarios.includes(scenario)) await this.#end(scenario);
    for (const scenario of scenarios) if (!this.#active.has(scenario)) await this.#start(scenario);
  }

  async #start(scenario: Scenario): Promise<void> {
    await createPlantedTable(this.#pool, scenario);
    this.#queues.start(scenario);
    if (scenario === 'small-pool') {
      this.#pool.options.max = SMALL_POOL;
      this.#syncTimer = setInterval(
        () => void this.#synchronize().catch(logError),
        SYNC_INTERVAL_MS,
      );
    } else if (scenario === 'gc-pressure') this.#gcPressure = new GcPressure();
    this.#active.add(scenario);
  }

  async #end(scenario: Scenario): Promise<void> {
    this.#active.delete(scenario);
    if (scenario === 'small-pool') {
      clearInterval(this.#syncTimer);
      this.#pool.options.max = this.#poolSize ?? SMALL_POOL;
    }
    if (scenario === 'gc-pressure') this.#gcPressure?.stop();
    if (scenario === 'connection-leak') for (const each of this.#leaked.splice(0)) each.release();
    await this.#queues.stop(scenario);
    await dropPlantedTable(this.#pool, scenario);
  }

  /** Called for each search for rooms. */
  async onSearch(property: string, arrival: string): Promise<void> {
    if (this.#active.has('n-plus-one')) {
      for (let i = 0; i < 8; i++)
        await this.#pool.query('SELECT guest, nights FROM bookings WHERE id = $1', [pickBooking()]);
    }
    if (this.#active.has('repeated-reads'))
      await this.#pool.query(
        'SELECT hotel, avg(price) FROM seasonal_rates WHERE day < $1 GROUP BY hotel',
        [300],
      );
    if (this.#active.has('slow-tenant'))
      await this.#pool.query(
        'SELECT min(price), count(*) FROM rates WHERE property = $1 AND day <> $2',
        [property, arrival],
      );
  }

  /** Called before a booking is read. */
  async onRead(property: string): Promise<void> {
    if (!isSelected()) return;
    if (this.#active.has('missing-index'))
      await this.#pool.query('SELECT id FROM guest_profiles WHERE lower(email) = $1', [
        `guest${Math.floor(Math.random() * 500_000)}@mail.example`,
      ]);
    if (this.#active.has('slow-table'))
      await this.#pool.query(REPORTS[this.#reportCount++ % REPORTS.length]!);
    if (this.#active.has('missing-limit'))
      await this.#pool.query(
        'SELECT id, room, guest, arrival FROM bookings WHERE property = $1 AND id > $2',
        [property, Math.floor(Math.random() * 1000)],
      );
    if (this.#active.has('event-loop-block')) renderBooking();
  }

  /** Called if a booking doesn't exist. */
  async onMissing(): Promise<void> {
    if (!this.#active.has('connection-leak') || this.#leaked.length >= MAX_LEAKED) return;
    // The connection is returned only at the end of the scenario.
    this.#leaked.push(await this.#pool.connect());
  }

  /** Called before the transaction of a booking is committed. */
  async beforeCommit(booking: string): Promise<void> {
    await this.#queues.addPointsTooEarly(booking);
  }

  /** Called for each invoice. */
  async onInvoice(booking: unknown): Promise<void> {
    if (!this.#active.has('chatty-transactions')) return;
    const client = await this.#pool.connect();
    try {
      await client.query('BEGIN');
      for (let line = 0; line < LINES; line++)
        await client.query('INSERT INTO invoice_lines VALUES ($1, $2, $3)', [booking, line, 80]);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK');
      throw error;
    } finally {
      client.release();
    }
  }

  async #synchronize(): Promise<void> {
    // The connections of the larger pool.
    while (this.#pool.totalCount > SMALL_POOL) (await this.#pool.connect()).release(true);
    const wait = () => this.#pool.query('SELECT pg_sleep(0.03)');
    await Promise.all(Array.from({ length: SYNC_STATEMENTS }, wait));
  }
}

/** Computes for a fixed time, as a renderer of large documents does. */
function renderBooking(): void {
  const endMs = performance.now() + BLOCK_MS;
  let page = 'booking';
  while (performance.now() < endMs) page = createHash('sha256').update(page).digest('hex');
}
