import type { ReadTarget } from '../../core/config/questdb-targets.ts';
import type { TenantScope } from '../../core/tenant-scope.ts';
import { renderSql, type Sql } from '../sql/sql-builder.ts';
import { QuestdbReader, type ReadRows, type Row, type ScanRows } from './postgres-wire-reader.ts';
import { QueryAudience, runWithoutQueryCaller } from './query-caller.ts';
import { type Catalog, CatalogReader } from './table-catalog.ts';

/** Runs queries against QuestDB and lists the tables and roll-ups that are stored. */
export interface QueryClient {
  readonly read: ReadRows;
  readonly getCatalog: () => Promise<Catalog>;
}

/** Also reads large results as columns. */
export interface ScanClient extends QueryClient {
  readonly scan: ScanRows;
}

/** Reads from one QuestDB over the PostgreSQL wire protocol, with a cache for results. */
export class QuestdbQueryClient {
  readonly #reader: QuestdbReader;
  readonly #cache: QueryCache;
  readonly #catalog: CatalogReader;

  constructor(target: ReadTarget) {
    this.#reader = new QuestdbReader(target);
    this.#cache = new QueryCache(this.#reader.read);
    this.#catalog = new CatalogReader((scope, statement) =>
      runWithoutQueryCaller(() => this.#reader.read(scope, statement)),
    );
  }

  get read() {
    return this.#cache.read;
  }

  get scan() {
    return this.#reader.scan;
  }

  get getCatalog() {
    return this.#catalog.getCatalog;
  }

  /** Switches to another address, for example after QuestDB restarted on other ports. */
  async setTarget(target: ReadTarget): Promise<void> {
    this.#catalog.invalidate();
    this.#cache.clear();
    await this.#reader.setTarget(target);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

/** Maximum number of cached rows, about 20 MB. */
const MAX_CACHED_ROWS = 50_000;
/** Longer results are not cached, because they would evict all others. */
const MAX_ROWS_PER_RESULT = 10_000;

interface CachedRows {
  readonly rows: Promise<readonly Row[]>;
  readonly audience: QueryAudience;
  /** Number of rows plus one; 0 while the query is running. */
  size: number;
}

/** Reads rows without a cache, for the requests of `audience`. */
type ReadUncached = (
  scope: TenantScope,
  statement: Sql,
  revision: string | undefined,
  audience: QueryAudience,
) => Promise<readonly Row[]>;

/**
 * Caches results of data that has not changed, so that roll-ups are read only once for a dashboard
 * that many people open or refresh. Identical queries that run at the same time share one result.
 */
class QueryCache {
  readonly #read: ReadUncached;
  /** Results by key, the least recently used first. */
  readonly #results = new Map<string, CachedRows>();
  #totalSize = 0;

  constructor(read: ReadUncached) {
    this.#read = read;
  }

  readonly read: ReadRows = (scope, statement, revision) => {
    const rendered = renderSql(statement, scope);
    if (!rendered) return Promise.resolve([]);
    // Text and parameters include the scope, so no caller gets rows from another scope.
    const key = JSON.stringify([revision, rendered.text, rendered.params]);
    const result = this.#results.get(key);
    if (result && (result.size > 0 || result.audience.isShareable)) {
      if (result.size === 0) result.audience.join();
      if (this.#results.delete(key)) this.#results.set(key, result);
      return result.rows;
    }
    const audience = new QueryAudience();
    audience.join();
    const rows = this.#read(scope, statement, undefined, audience);
    this.#add(key, { rows, audience, size: 0 }, revision !== undefined);
    return rows;
  };

  clear(): void {
    this.#results.clear();
    this.#totalSize = 0;
  }

  #add(key: string, result: CachedRows, isCacheable: boolean): void {
    this.#results.delete(key);
    this.#results.set(key, result);
    result.rows.then(
      ({ length }) => {
        if (this.#results.get(key) !== result) return;
        // A result without rows also takes memory.
        result.size = length + 1;
        this.#totalSize += result.size;
        if (!isCacheable || length > MAX_ROWS_PER_RESULT) this.#remove(key, result);
        for (const [oldestKey, oldest] of this.#results) {
          if (this.#totalSize <= MAX_CACHED_ROWS) break;
          if (oldest.size > 0) this.#remove(oldestKey, oldest);
        }
      },
      () => {
        if (this.#results.get(key) === result) this.#results.delete(key);
      },
    );
  }

  #remove(key: string, { size }: CachedRows): void {
    this.#results.delete(key);
    this.#totalSize -= size;
  }
}

/** Returns a client that doesn't keep results in the cache, for rows that are read only once. */
export function withoutCache(queryClient: QueryClient): QueryClient {
  return {
    read: (scope, statement) => queryClient.read(scope, statement),
    getCatalog: queryClient.getCatalog,
  };
}
