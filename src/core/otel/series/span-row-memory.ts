import { shareFairly } from './fair-shares.ts';
import { getFactOwner } from './process-facts.ts';

/** A process sends its first metrics within this time after its first span, in seconds. */
const MAX_AGE_SECONDS = 600;
/** Maximum number of processes and metrics. */
const MAX_FACTS = 10_000;
/** Maximum number of rows of all processes. A row with its buckets takes about 200 bytes. */
const MAX_ROWS = 50_000;
/** After a limit was reached, this part of the room is free again, so that rows are not removed with each request. */
const FREED_SHARE = 0.1;

/** The keys of a row of spans, and of its buckets. */
export interface SpanRow {
  readonly kind: 'spanRow';
  /** The fact that the process sends the metric with the same information. */
  readonly fact: string;
  /** When the row was stored, in seconds since the epoch. */
  readonly seconds: number;
  /** Time of the row, in ms since the epoch. */
  readonly timestamp: number;
  readonly id: string;
  readonly bucketUppers: readonly number[];
}

/** The rows of one process and metric. */
interface ProcessRows {
  firstSeconds: number;
  lastSeconds: number;
  readonly rows: Map<string, SpanRow>;
}

/**
 * Remembers the rows of spans, until it is known whether the process also sends the metric with the same information.
 * Only the rows of the first ten minutes of a process are remembered.
 */
export class SpanRowMemory {
  readonly #processes = new Map<string, ProcessRows>();
  #size = 0;

  /** Number of rows. */
  get size(): number {
    return this.#size;
  }

  /** All rows, in the order in which their processes were added. */
  get all(): SpanRow[] {
    return [...this.#processes.values()].flatMap(({ rows }) => [...rows.values()]);
  }

  get(fact: string): Iterable<SpanRow> {
    return this.#processes.get(fact)?.rows.values() ?? [];
  }

  /** Whether a row would be remembered. */
  accepts({ fact, seconds }: SpanRow): boolean {
    const known = this.#processes.get(fact);
    return !known || seconds - known.firstSeconds <= MAX_AGE_SECONDS;
  }

  /** Adds a row. Forgets the rows of the process if its first span is too old. */
  add(row: SpanRow): void {
    const { fact, seconds } = row;
    const known = this.#processes.get(fact);
    if (this.accepts(row)) this.restore(row);
    else if (known) {
      known.lastSeconds = seconds;
      this.#size -= known.rows.size;
      known.rows.clear();
    }
    if (this.#isFull) this.#makeRoom(seconds);
  }

  /** Adds a row of an earlier server. The order of calls doesn't matter. */
  restore(row: SpanRow): void {
    const { fact, seconds, id } = row;
    let process = this.#processes.get(fact);
    if (!process) {
      process = { firstSeconds: seconds, lastSeconds: seconds, rows: new Map() };
      this.#processes.set(fact, process);
    }
    process.firstSeconds = Math.min(process.firstSeconds, seconds);
    process.lastSeconds = Math.max(process.lastSeconds, seconds);
    this.#size -= process.rows.size;
    process.rows.set(id, row);
    this.#size += process.rows.size;
  }

  /** Forgets the rows of a process, because it has sent its first metric. Later rows are kept. */
  removeUntil(fact: string, seconds: number): void {
    const known = this.#processes.get(fact);
    if (known && known.lastSeconds <= seconds) this.#delete(fact, known);
  }

  /** Forgets processes without spans since a time. */
  removeExpired(beforeSeconds: number): void {
    for (const [fact, process] of this.#processes) {
      if (process.lastSeconds >= beforeSeconds) return;
      this.#delete(fact, process);
    }
  }

  #delete(fact: string, { rows }: ProcessRows): void {
    this.#size -= rows.size;
    this.#processes.delete(fact);
  }

  get #isFull(): boolean {
    return this.#size > MAX_ROWS || this.#processes.size > MAX_FACTS;
  }

  /**
   * Removes the rows of old processes. If that isn't enough, removes the oldest processes of organizations with more than
   * their share, so that one organization can't remove the rows of others.
   */
  #makeRoom(nowSeconds: number): void {
    for (const [fact, process] of this.#processes) {
      if (nowSeconds - process.firstSeconds > MAX_AGE_SECONDS) this.#delete(fact, process);
    }
    if (!this.#isFull) return;
    const usages = this.#measureUsages();
    for (const [fact, process] of this.#processes) {
      const usage = usages.get(getFactOwner(fact)[0])!;
      const exceedsShare = usage.rows > usage.rowShare || usage.processes > usage.processShare;
      if (!exceedsShare) continue;
      usage.rows -= process.rows.size;
      usage.processes--;
      this.#delete(fact, process);
    }
  }

  /** Returns the number of rows and processes of each organization, and its shares of the limits. */
  #measureUsages(): Map<string, Usage> {
    const usages = new Map<string, Usage>();
    for (const [fact, { rows }] of this.#processes) {
      const [organization] = getFactOwner(fact);
      const usage = usages.get(organization) ?? {
        rows: 0,
        processes: 0,
        rowShare: 0,
        processShare: 0,
      };
      usages.set(organization, usage);
      usage.rows += rows.size;
      usage.processes++;
    }
    const all = [...usages.values()];
    const keptShare = 1 - FREED_SHARE;
    const rowShares = shareFairly(
      all.map(({ rows }) => rows),
      MAX_ROWS * keptShare,
    );
    const processShares = shareFairly(
      all.map(({ processes }) => processes),
      MAX_FACTS * keptShare,
    );
    for (const [i, usage] of all.entries()) {
      usage.rowShare = rowShares[i]!;
      usage.processShare = processShares[i]!;
    }
    return usages;
  }
}

/** The number of rows and processes of an organization, and its shares of the limits. */
interface Usage {
  rows: number;
  processes: number;
  rowShare: number;
  processShare: number;
}
