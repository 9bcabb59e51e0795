import type { Attributes } from '@opentelemetry/api';
import { copyText } from '../../../core/copy-text.ts';
import { runGuarded } from '../../../core/guard.ts';
import { getSqlDialect, type SqlDialect } from '../../../core/sql/sql-dialect.ts';
import { fingerprintSql, type SqlFingerprint } from '../../../core/sql/sql-fingerprint.ts';
import { mayHaveMultipleStatements } from '../../../core/sql/sql-tokens.ts';
import { ATTR_ORGANIZATION_ID, ATTR_PROPERTY_ID } from '../../attribute-keys.ts';
import { OverheadLevel, overhead } from '../../overhead/overhead-level.ts';
import { endOperation, type Operation } from '../context/operations.ts';
import type { Tenant } from '../context/tenant-context.ts';
import type { HistogramRegistry } from '../histograms/histogram-registry.ts';
import {
  type HistogramSeries,
  type KeyedHistogram,
  recordValue,
} from '../histograms/keyed-histogram.ts';
import { RecentSeries } from '../histograms/recent-series.ts';
import { getDatabaseErrorType } from './error-types.ts';
import { StatementEvidence, type StatementFingerprint, withoutHash } from './statement-evidence.ts';
import { type SentStatement, toStatementParts } from './statement-parts.ts';

/** Boundaries in seconds that the semantic conventions recommend. */
const OPERATION_DURATION_BOUNDARIES_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
const CONNECT_FINGERPRINT: SqlFingerprint = {
  text: 'CONNECT',
  operation: 'CONNECT',
  table: undefined,
};
const MAX_CACHED_FINGERPRINTS = 1000;
/** Maximum length of all cached statements of a dialect together. */
const MAX_CACHED_LENGTH = 1_000_000;
/** Longer statements are not cached, because they contain bulk data and rarely repeat. */
const MAX_CACHED_STATEMENT_LENGTH = 4000;

/** A failed attempt to connect to a database, or to get a connection from a pool. */
export interface FailedConnect {
  /** SQLSTATE, Node.js error code, `timeout`, or the name of the error. */
  readonly errorType: string;
  readonly error: unknown;
  /** `host:port/database`. Contains no credentials. */
  readonly server: string;
}

export interface DatabaseRecorderOptions {
  histograms: HistogramRegistry;
  /** Called for each recorded statement. */
  onQuery: (durationMs: number) => void;
  /** Called if the application can't connect, or gets no connection from a pool in time. */
  onFailedConnect: (failure: FailedConnect) => void;
}

/** The statement or command that an operation ran, without values. */
export interface DatabaseCommand {
  /** Value of `db.system.name`, such as `mysql` (https://opentelemetry.io/docs/specs/semconv/db/). */
  readonly system: string;
  /** Fingerprint, such as `find rooms {hotelId, status}` or `GET`. */
  readonly text: string;
  /** Name of the operation, such as `find` or `GET`. */
  readonly operation: string;
  /** Table or collection. */
  readonly table: string | undefined;
}

/** Equal commands of a batch. */
export interface BatchedCommand {
  readonly command: DatabaseCommand;
  /** Class of their error, or undefined if they succeeded. */
  readonly errorType: string | undefined;
  count: number;
}

/**
 * Records each statement as `db.client.operation.duration`, by operation, table, fingerprint, and tenant
 * (https://opentelemetry.io/docs/specs/semconv/db/database-metrics/).
 */
export class DatabaseRecorder {
  readonly #histogram: KeyedHistogram;
  readonly #options: DatabaseRecorderOptions;
  readonly #evidence: StatementEvidence;
  readonly #fingerprints: Record<SqlDialect, Map<string, StatementFingerprint>> = {
    postgresql: new Map(),
    mysql: new Map(),
    sqlite: new Map(),
    clickhouse: new Map(),
    cql: new Map(),
  };
  readonly #cachedLengths: Record<SqlDialect, number> = {
    postgresql: 0,
    mysql: 0,
    sqlite: 0,
    clickhouse: 0,
    cql: 0,
  };

  constructor(options: DatabaseRecorderOptions) {
    this.#options = options;
    this.#histogram = options.histograms.create({
      scope: 'perfscope.db',
      name: 'db.client.operation.duration',
      unit: 's',
      description: 'Duration of database client operations.',
      boundaries: OPERATION_DURATION_BOUNDARIES_S,
    });
    this.#evidence = new StatementEvidence(options.histograms);
  }

  /**
   * Ends the operation of SQL text that was sent, and records each of its statements.
   *
   * @param error the error of the last statement, or undefined if all succeeded
   */
  endStatements(statement: SentStatement, error: unknown): void {
    const { operation, system } = statement;
    if (operation.ended) return;
    if (!mayHaveMultipleStatements(statement.text)) {
      const errorType = error === undefined ? undefined : getDatabaseErrorType(error);
      this.endStatement(statement, this.getFingerprint(statement.text, system), errorType);
      return;
    }
    const parts = toStatementParts(statement, performance.now(), error);
    for (const part of parts) {
      const errorType = part.error === undefined ? undefined : getDatabaseErrorType(part.error);
      const fingerprint = this.getFingerprint(part.text, system);
      this.#record(system, fingerprint, part.durationMs, operation.tenant, errorType);
      this.#addToTransaction(statement, fingerprint);
    }
    const { text } = this.getFingerprint(parts[0]!.text, system);
    endOperation(operation, text, error !== undefined, parts.length);
  }

  /**
   * Ends the operation of one statement, and records it.
   *
   * @param errorType class of the error, or undefined if the statement succeeded
   */
  endStatement(
    statement: SentStatement,
    fingerprint: StatementFingerprint,
    errorType: string | undefined,
  ): void {
    const { operation, system } = statement;
    if (operation.ended) return;
    const nowMs = performance.now();
    this.#record(system, fingerprint, nowMs - operation.startMs, operation.tenant, errorType);
    endOperation(operation, fingerprint.text, errorType !== undefined);
    this.#addToTransaction(statement, fingerprint);
    if (errorType === undefined) this.#evidence.addSucceeded(statement, fingerprint, nowMs);
  }

  /**
   * Ends the operation of one command, and records it.
   *
   * @param errorType class of the error, or undefined if the command succeeded. See {@link getDatabaseErrorType}.
   * @param returnedRows number of rows that the command returned. Default: unknown.
   * @param count number of statements that the command contains. Default: 1.
   */
  endCommand(
    operation: Operation,
    command: DatabaseCommand,
    errorType: string | undefined,
    returnedRows = 0,
    count = 1,
  ): void {
    if (operation.ended) return;
    const durationMs = performance.now() - operation.startMs;
    this.#record(command.system, command, durationMs, operation.tenant, errorType);
    endOperation(operation, command.text, errorType !== undefined, count);
    this.#evidence.addReturnedRows(command.system, command, operation.tenant, returnedRows);
  }

  /**
   * Ends the operation of commands that were sent together, and records each of them. The duration is divided equally,
   * because the commands wait for each other.
   *
   * @param commands at least one
   */
  endBatch(operation: Operation, commands: readonly BatchedCommand[]): void {
    if (operation.ended) return;
    const total = commands.reduce((sum, { count }) => sum + count, 0);
    const durationMs = (performance.now() - operation.startMs) / total;
    let mostFrequent = commands[0]!;
    for (const batched of commands) {
      const { command, errorType, count } = batched;
      if (count > mostFrequent.count) mostFrequent = batched;
      for (let i = 0; i < count; i++)
        this.#record(command.system, command, durationMs, operation.tenant, errorType);
    }
    const failed = commands.some(({ errorType }) => errorType !== undefined);
    endOperation(operation, mostFrequent.command.text, failed, total);
  }

  /**
   * Ends a failed attempt to get a connection. It is recorded as a statement with the operation `CONNECT`, and
   * reported as an error.
   */
  endFailedConnect(operation: Operation, system: string, failure: FailedConnect): void {
    if (operation.ended) return;
    const durationMs = performance.now() - operation.startMs;
    this.#record(
      system,
      CONNECT_FINGERPRINT,
      durationMs,
      operation.tenant,
      failure.errorType,
      true,
    );
    endOperation(operation, CONNECT_FINGERPRINT.text, true);
    runGuarded('the errors of databases', () => this.#options.onFailedConnect(failure));
  }

  /**
   * Returns the fingerprint of an SQL statement. Frequent statements are cached.
   *
   * @param system value of `db.system.name`, which decides the dialect
   */
  getFingerprint(text: string, system: string): StatementFingerprint {
    const dialect = getSqlDialect(system);
    const fingerprints = this.#fingerprints[dialect];
    const cached = fingerprints.get(text);
    if (cached) return cached;
    if (overhead.level >= OverheadLevel.FEW_STATEMENTS) return toRareStatement(text);
    const fingerprint = fingerprintSql(text, dialect);
    if (text.length > MAX_CACHED_STATEMENT_LENGTH) return withoutHash(fingerprint);
    const hashed = this.#evidence.addHash(text, fingerprint);
    this.#cache(text, hashed, dialect);
    return hashed;
  }

  #addToTransaction(
    { connection, operation }: SentStatement,
    fingerprint: StatementFingerprint,
  ): void {
    if (connection === undefined) return;
    this.#evidence.addToTransaction(connection, fingerprint, operation.caller);
  }

  /** Removes the oldest entries. A frequent statement is cached again immediately. */
  #cache(text: string, fingerprint: StatementFingerprint, dialect: SqlDialect): void {
    const fingerprints = this.#fingerprints[dialect];
    fingerprints.set(copyText(text), fingerprint);
    this.#cachedLengths[dialect] += text.length;
    while (
      fingerprints.size > MAX_CACHED_FINGERPRINTS ||
      this.#cachedLengths[dialect] > MAX_CACHED_LENGTH
    ) {
      const oldest = fingerprints.keys().next().value!;
      fingerprints.delete(oldest);
      this.#cachedLengths[dialect] -= oldest.length;
    }
  }

  #record(
    system: string,
    fingerprint: SqlFingerprint,
    durationMs: number,
    tenant: Tenant | undefined,
    errorType: string | undefined,
    isConnect = false,
  ): void {
    const identity = { histogram: this.#histogram, tenant, name: system };
    const recent = errorType === undefined ? RecentSeries.get(fingerprint, identity) : undefined;
    const series = recent ?? this.#findSeries(system, fingerprint, tenant, errorType);
    if (recent === undefined && errorType === undefined)
      RecentSeries.set(fingerprint, identity, series);
    recordValue(series, durationMs / 1000);
    if (!isConnect) this.#options.onQuery(durationMs);
  }

  #findSeries(
    system: string,
    fingerprint: SqlFingerprint,
    tenant: Tenant | undefined,
    errorType: string | undefined,
  ): HistogramSeries {
    const { organizationId = '', propertyId = '' } = tenant ?? {};
    const key = `${fingerprint.text}\n${system}\n${errorType ?? ''}\n${organizationId}\n${propertyId}`;
    const errorAttributes: Attributes = errorType === undefined ? {} : { 'error.type': errorType };
    return this.#histogram.getSeries(
      key,
      () => toStatementAttributes(system, fingerprint, tenant, errorAttributes),
      errorAttributes,
    );
  }
}

/** Keywords at the start of frequent statements. */
const OPERATION_PATTERN = /^\s*(SELECT|INSERT|UPDATE|DELETE|WITH|BEGIN|COMMIT|ROLLBACK|CALL)\b/i;

/** Returns one name for all statements of an operation, without parsing the text. */
function toRareStatement(text: string): StatementFingerprint {
  const operation = OPERATION_PATTERN.exec(text)?.[1]?.toUpperCase() ?? 'OTHER';
  return withoutHash({ text: `${operation} (rare statements)`, operation, table: undefined });
}

function toStatementAttributes(
  system: string,
  fingerprint: SqlFingerprint,
  tenant: Tenant | undefined,
  errorAttributes: Attributes,
) {
  const attributes: Attributes = {
    'db.system.name': system,
    'db.operation.name': fingerprint.operation,
    'db.query.text': fingerprint.text,
    ...errorAttributes,
  };
  if (fingerprint.table !== undefined) attributes['db.collection.name'] = fingerprint.table;
  if (tenant?.organizationId) attributes[ATTR_ORGANIZATION_ID] = tenant.organizationId;
  if (tenant?.propertyId) attributes[ATTR_PROPERTY_ID] = tenant.propertyId;
  return attributes;
}
