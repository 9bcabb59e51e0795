import type { SqlFingerprint } from '../../../core/sql/sql-fingerprint.ts';
import {
  MIN_RETURNED_ROWS,
  MIN_TRANSACTION_STATEMENTS,
  REPEATED_EXECUTIONS_METRIC_NAME,
  RETURNED_ROWS_METRIC_NAME,
  TRANSACTION_STATEMENTS_METRIC_NAME,
} from '../../../core/suggestion-metrics.ts';
import { ATTR_CALLER } from '../../attribute-keys.ts';
import { OverheadLevel, overhead } from '../../overhead/overhead-level.ts';
import { recordWithRoute, toTenantAttributes } from '../context/caller.ts';
import type { Caller, Tenant } from '../context/tenant-context.ts';
import type { HistogramRegistry } from '../histograms/histogram-registry.ts';
import type { CounterSeries, KeyedCounter } from '../histograms/keyed-counter.ts';
import type { KeyedHistogram } from '../histograms/keyed-histogram.ts';
import { RepeatedExecutions, type TextHash } from './repeated-executions.ts';
import type { SentStatement } from './statement-parts.ts';
import { addToTransaction, getTransactionRole, type TransactionRole } from './transactions.ts';

const ROW_BOUNDARIES = [100, 200, 500, 1000, 2000, 5000, 10_000, 100_000];
const STATEMENT_BOUNDARIES = [10, 20, 50, 100, 200, 500, 1000];
/** Clauses of statements that lock rows. Their results can't be cached. */
const LOCKING_PATTERN = /\bFOR\s+(?:UPDATE|SHARE|NO\s+KEY|KEY)\b|\bLOCK\s+IN\b/i;

/** Fingerprint of an SQL text, with the data that finds repeated executions. */
export interface StatementFingerprint extends SqlFingerprint {
  /** Undefined if the result of the statement can't be cached. */
  readonly hash: TextHash | undefined;
  readonly role: TransactionRole;
  /** Series of the last repeated execution, and its tenant. */
  repeats: CounterSeries | undefined;
  repeatsOf: Tenant | undefined;
}

/** Records what statements show about possible improvements. Only remarkable values are recorded. */
export class StatementEvidence {
  readonly #returnedRows: KeyedHistogram;
  readonly #transactions: KeyedHistogram;
  readonly #repeats: KeyedCounter;
  /** Undefined until the first statement, because its random keys load `node:crypto`. */
  #executions: RepeatedExecutions | undefined;

  constructor(histograms: HistogramRegistry) {
    const scope = 'perfscope.db';
    this.#returnedRows = histograms.create({
      scope,
      name: RETURNED_ROWS_METRIC_NAME,
      unit: '{row}',
      description: `Rows that a statement returned, if there were at least ${MIN_RETURNED_ROWS}.`,
      boundaries: ROW_BOUNDARIES,
      isUnscraped: true,
    });
    this.#transactions = histograms.create({
      scope,
      name: TRANSACTION_STATEMENTS_METRIC_NAME,
      unit: '{statement}',
      description: `Statements of a transaction, if there were at least ${MIN_TRANSACTION_STATEMENTS}.`,
      boundaries: STATEMENT_BOUNDARIES,
      isUnscraped: true,
    });
    this.#repeats = histograms.createCounter({
      scope,
      name: REPEATED_EXECUTIONS_METRIC_NAME,
      unit: '{execution}',
      description: 'Executions that repeated a statement with the same arguments within a minute.',
    });
  }

  /** Adds the data that finds repeated executions to a new fingerprint. */
  addHash(text: string, fingerprint: SqlFingerprint): StatementFingerprint {
    const isCacheable =
      fingerprint.operation === 'SELECT' &&
      fingerprint.table !== undefined &&
      !LOCKING_PATTERN.test(text);
    const hash = isCacheable ? this.#getExecutions().hashText(text) : undefined;
    return { ...withoutHash(fingerprint), hash };
  }

  /** Adds a statement that has succeeded. */
  addSucceeded(statement: SentStatement, fingerprint: StatementFingerprint, nowMs: number): void {
    const { tenant } = statement.operation;
    const { system, returnedRows = 0, values } = statement;
    if (returnedRows >= MIN_RETURNED_ROWS)
      this.addReturnedRows(system, fingerprint, tenant, returnedRows);
    if (fingerprint.hash === undefined || overhead.level >= OverheadLevel.NO_SAMPLE_PARTS) return;
    if (this.#getExecutions().add(fingerprint.hash, values, nowMs))
      this.#getRepeats(fingerprint, tenant).value += 1;
  }

  /** Adds a statement to the transaction of its connection. */
  addToTransaction(
    connection: object,
    { text, role }: StatementFingerprint,
    caller: Caller | undefined,
  ): void {
    const ended = addToTransaction(connection, text, role, caller);
    if (ended?.caller === undefined || ended.count < MIN_TRANSACTION_STATEMENTS) return;
    const { count, mostFrequent } = ended;
    recordWithRoute(ended.caller, ({ route = '', tenant }) => {
      const key = toKey(mostFrequent, route, tenant);
      this.#transactions.record(count, key, () => ({
        ...(route && { [ATTR_CALLER]: route }),
        'db.query.text': mostFrequent,
        ...toTenantAttributes(tenant),
      }));
    });
  }

  /** Adds the number of rows that a statement returned. */
  addReturnedRows(
    system: string,
    { text, operation, table }: SqlFingerprint,
    tenant: Tenant | undefined,
    count: number,
  ): void {
    if (count < MIN_RETURNED_ROWS) return;
    this.#returnedRows.record(count, toKey(text, system, tenant), () => ({
      'db.system.name': system,
      'db.operation.name': operation,
      'db.query.text': text,
      ...(table !== undefined && { 'db.collection.name': table }),
      ...toTenantAttributes(tenant),
    }));
  }

  #getExecutions(): RepeatedExecutions {
    this.#executions ??= new RepeatedExecutions();
    return this.#executions;
  }

  /** Most repeated executions of a statement belong to the same tenant as the last one. */
  #getRepeats(fingerprint: StatementFingerprint, tenant: Tenant | undefined): CounterSeries {
    const { repeats, repeatsOf, text } = fingerprint;
    if (
      repeats !== undefined &&
      repeatsOf?.organizationId === tenant?.organizationId &&
      repeatsOf?.propertyId === tenant?.propertyId
    )
      return repeats;
    const series = this.#repeats.getSeries(toKey(text, '', tenant), () => ({
      'db.operation.name': fingerprint.operation,
      'db.query.text': text,
      ...(fingerprint.table !== undefined && { 'db.collection.name': fingerprint.table }),
      ...toTenantAttributes(tenant),
    }));
    fingerprint.repeats = series;
    const { organizationId, propertyId } = tenant ?? {};
    fingerprint.repeatsOf = { organizationId, propertyId };
    return series;
  }
}

/** Returns a fingerprint whose repeated executions aren't counted. */
export function withoutHash(fingerprint: SqlFingerprint): StatementFingerprint {
  const role = getTransactionRole(fingerprint);
  return { ...fingerprint, hash: undefined, role, repeats: undefined, repeatsOf: undefined };
}

function toKey(text: string, name: string, tenant: Tenant | undefined): string {
  const { organizationId = '', propertyId = '' } = tenant ?? {};
  return `${text}\n${name}\n${organizationId}\n${propertyId}`;
}
