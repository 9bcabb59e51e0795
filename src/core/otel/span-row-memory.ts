/** A process sends its first metrics within this time after its first span, in seconds. */
const MAX_AGE_SECONDS = 600;
/** Maximum number of processes and metrics. */
const MAX_FACTS = 10_000;
/** Maximum number of rows of all processes. A row with its buckets takes about 200 bytes. */
const MAX_ROWS = 50_000;

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
    if (this.#size > MAX_ROWS || this.#processes.size > MAX_FACTS) this.#removeOldest(seconds);
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

  /** Removes the rows of old processes, and then of the process that was added first. */
  #removeOldest(nowSeconds: number): void {
    for (const [fact, process] of this.#processes) {
      const isFull = this.#size > MAX_ROWS || this.#processes.size > MAX_FACTS;
      if (!isFull && nowSeconds - process.firstSeconds <= MAX_AGE_SECONDS) return;
      this.#delete(fact, process);
    }
  }
}
