import { HOUR_MS } from '../../core/duration.ts';
import { createError } from '../../core/perfscope-error.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import {
  type SuggestionDismissalRow,
  suggestionDismissalsTable,
} from '../../core/schema/tables/suggestion-dismissals-table.ts';
import { type TenantScope, UNRESTRICTED_SCOPE } from '../../core/tenant-scope.ts';
import { toTableRow } from '../../storage/queries/row-values.ts';
import type { QueryClient } from '../../storage/questdb/query-client.ts';
import { fromTable, sql } from '../../storage/sql/sql-builder.ts';
import { assertWithinQuota, type OwnedObject, type Quota } from '../access/quota.ts';
import {
  canChangeDismissal,
  computeDismissalId,
  type Dismissal,
  isActive,
  listDismissalTenants,
  mergeDismissalRows,
  toDismissalRow,
} from './dismissal.ts';
import type { Suggestion } from './suggestion.ts';

/** Every list of suggestions reads all dismissals. */
const ACTIVE_QUOTA: Quota = {
  what: 'dismissed suggestions',
  perKey: 500,
  perOrganization: 1000,
  perServer: 5000,
};
/** Restored dismissals stay stored. */
const NEW_QUOTA: Quota = {
  what: 'dismissals of suggestions within an hour',
  perKey: 300,
  perOrganization: 900,
  perServer: 5000,
};
/** Newest rows to read. Each dismissal has at least one row. */
const MAX_ROWS = 50_000;

/** Who dismisses or restores suggestions. */
export interface DismissalActor {
  readonly author: string;
  readonly scope: TenantScope;
}

/** The dismissals of suggestions: the rows of the table, and changes that aren't readable yet. */
export class DismissalStore {
  readonly #queryClient: QueryClient;
  readonly #add: AddRows;
  readonly #flush: () => Promise<void>;
  /** Rows that this server wrote. They are kept until they are readable. */
  #written: SuggestionDismissalRow[] = [];
  #created: (OwnedObject & { readonly atMs: number })[] = [];

  constructor(queryClient: QueryClient, add: AddRows, flush: () => Promise<void>) {
    this.#queryClient = queryClient;
    this.#add = add;
    this.#flush = flush;
  }

  /** Reads the dismissals that are in effect. @throws PS_UNAVAILABLE */
  async listActive(nowMs: number): Promise<Dismissal[]> {
    const dismissals = await this.#load();
    return dismissals.filter((each) => isActive(each, nowMs));
  }

  /**
   * Dismisses a suggestion for the tenants of the caller. Resolves when the rows are stored in QuestDB or the spool.
   *
   * @param expiresMs end of the dismissal. Undefined for a dismissal without an end.
   * @throws PS_QUOTA_REACHED, PS_UNAVAILABLE
   */
  async dismiss(
    { id: suggestionId, kind, title }: Pick<Suggestion, 'id' | 'kind' | 'title'>,
    { comment, expiresMs }: { readonly comment: string; readonly expiresMs: number | undefined },
    { author, scope }: DismissalActor,
    nowMs: number,
  ): Promise<Dismissal[]> {
    const known = await this.#load();
    const added = listDismissalTenants(scope).map((tenant): Dismissal => {
      const id = computeDismissalId(suggestionId, tenant);
      const seq = (known.find((each) => each.id === id)?.seq ?? 0) + 1;
      return {
        ...{ id, seq, state: 'dismissed', suggestionId, kind, title, author, comment },
        ...{ atMs: nowMs, expiresMs, organization: tenant.organization, property: tenant.property },
      };
    });
    const active = known.filter((each) => isActive(each, nowMs));
    this.#created = this.#created.filter(({ atMs }) => atMs > nowMs - HOUR_MS);
    for (const each of added) {
      const others = active.filter(({ id }) => id !== each.id);
      assertWithinQuota(ACTIVE_QUOTA, others, each, 'Restore suggestions');
      assertWithinQuota(NEW_QUOTA, this.#created, each, 'Wait up to an hour');
      this.#created.push(each);
    }
    await this.#write(added);
    return added;
  }

  /**
   * Ends the dismissals of a suggestion that the caller can change.
   *
   * @throws PS_NOT_FOUND if there is none, PS_UNAVAILABLE
   */
  async restore(
    suggestionId: string,
    { author, scope }: DismissalActor,
    nowMs: number,
  ): Promise<Dismissal[]> {
    const active = await this.listActive(nowMs);
    const ended = active
      .filter((each) => each.suggestionId === suggestionId && canChangeDismissal(each, scope))
      .map(
        (each): Dismissal => ({
          ...each,
          seq: each.seq + 1,
          state: 'restored',
          author,
          atMs: nowMs,
        }),
      );
    if (ended.length === 0)
      throw createError('PS_NOT_FOUND', { item: 'dismissal', id: suggestionId });
    await this.#write(ended);
    return ended;
  }

  async #write(dismissals: readonly Dismissal[]): Promise<void> {
    const rows = dismissals.map(toDismissalRow);
    this.#written.push(...rows);
    this.#add('suggestion_dismissals', rows);
    await this.#flush().catch(() => {});
  }

  async #load(): Promise<Dismissal[]> {
    const rows = await this.#queryClient.read(
      UNRESTRICTED_SCOPE,
      sql`SELECT * ${fromTable(suggestionDismissalsTable.name)} ORDER BY timestamp DESC LIMIT ${MAX_ROWS}`,
    );
    const stored = rows.map((row) => toTableRow(suggestionDismissalsTable, row));
    const keys = new Set(stored.map(toKey));
    this.#written = this.#written.filter((row) => !keys.has(toKey(row)));
    return mergeDismissalRows([...stored, ...this.#written]);
  }
}

function toKey({ timestamp, id, seq }: SuggestionDismissalRow): string {
  return `${timestamp} ${id} ${seq}`;
}
