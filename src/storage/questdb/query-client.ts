import type { ReadTarget } from '../../core/config/questdb-targets.ts';
import { renderSql } from '../sql/sql-builder.ts';
import { QuestdbReader, type ReadRows, type Row } from './questdb-reader.ts';
import { type Catalog, CatalogReader } from './table-catalog.ts';

/** What questions are answered from. */
export interface QueryClient {
  readonly read: ReadRows;
  readonly getCatalog: () => Promise<Catalog>;
}

/** Rows that are kept at most: some 20 MB. */
const MAX_CACHED_ROWS = 50_000;
/** An answer that is longer is not kept: it would drive out all others. */
const MAX_ROWS_PER_RESULT = 10_000;

interface CachedRows {
  readonly rows: Promise<readonly Row[]>;
  /** 0 until it is there. */
  count: number;
}

/**
 * Remembers answers about what has not changed: a dashboard that is looked at by many, or again and
 * again, reads a roll-up once. Whoever asks the same while it is being answered waits for the same
 * answer.
 */
export class QueryCache {
  readonly #read: ReadRows;
  /** The one used longest ago comes first. */
  readonly #results = new Map<string, CachedRows>();
  #rowCount = 0;

  constructor(read: ReadRows) {
    this.#read = read;
  }

  readonly read: ReadRows = (scope, statement, state) => {
    const rendered = renderSql(statement, scope);
    if (!rendered) return this.#read(scope, statement);
    // The text and its parameters hold the scope: nobody is given what another may see.
    const key = JSON.stringify([state, rendered.text, rendered.params]);
    const rows = () => this.#read(scope, statement);
    const answer = this.#results.get(key) ?? this.#add(key, rows(), state !== undefined);
    if (this.#results.delete(key)) this.#results.set(key, answer);
    return answer.rows;
  };

  clear(): void {
    this.#results.clear();
    this.#rowCount = 0;
  }

  #add(key: string, rows: Promise<readonly Row[]>, stays: boolean): CachedRows {
    const answer: CachedRows = { rows, count: 0 };
    this.#results.set(key, answer);
    rows.then(
      ({ length }) => {
        if (this.#results.get(key) !== answer) return;
        // Also an answer without rows takes room.
        answer.count = length + 1;
        this.#rowCount += answer.count;
        if (!stays || length > MAX_ROWS_PER_RESULT) this.#remove(key, answer);
        for (const [oldest, kept] of this.#results) {
          if (this.#rowCount <= MAX_CACHED_ROWS) break;
          if (kept.count > 0) this.#remove(oldest, kept);
        }
      },
      () => {
        if (this.#results.get(key) === answer) this.#results.delete(key);
      },
    );
    return answer;
  }

  #remove(key: string, { count }: CachedRows): void {
    this.#results.delete(key);
    this.#rowCount -= count;
  }
}

/** What is stored, for whoever asks questions: its rows, and which of them are kept where. */
export class QuestdbQueryClient {
  readonly #reader: QuestdbReader;
  readonly #cache: QueryCache;
  readonly #catalog: CatalogReader;

  constructor(target: ReadTarget) {
    this.#reader = new QuestdbReader(target);
    this.#cache = new QueryCache(this.#reader.read);
    this.#catalog = new CatalogReader(this.#reader.read);
  }

  get read() {
    return this.#cache.read;
  }

  get getCatalog() {
    return this.#catalog.getCatalog;
  }

  /** Reads from another address from now on, after a restart on other ports. */
  async setTarget(target: ReadTarget): Promise<void> {
    this.#catalog.invalidate();
    this.#cache.clear();
    await this.#reader.setTarget(target);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
