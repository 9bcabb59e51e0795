import type { Attributes } from '@opentelemetry/api';
import { fingerprintSql, type SqlFingerprint } from '../../../core/sql/sql-fingerprint.ts';
import { mayHaveMultipleStatements, splitStatements } from '../../../core/sql/sql-tokens.ts';
import { ATTR_ORGANIZATION_ID, ATTR_PROPERTY_ID } from '../../attribute-keys.ts';
import type { Tenant } from '../context/tenant-context.ts';
import type { HistogramRegistry } from '../histograms/histogram-registry.ts';

/** Boundaries in seconds that the semantic conventions recommend. */
const OPERATION_DURATION_BOUNDARIES_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
const CONNECT_FINGERPRINT: SqlFingerprint = {
  text: 'CONNECT',
  operation: 'CONNECT',
  table: undefined,
};
const MAX_CACHED_FINGERPRINTS = 1000;
/** Longer statements are not cached, because they contain bulk data and rarely repeat. */
const MAX_CACHED_STATEMENT_LENGTH = 4000;

export interface StatementRecorderOptions {
  histograms: HistogramRegistry;
  /** Called for each recorded statement. */
  onQuery: (durationMs: number) => void;
}

/** SQL text that was sent to PostgreSQL. It can contain several statements. */
export interface SentStatement {
  readonly text: string;
  /** Time from `performance.now()`. */
  readonly startMs: number;
  /** Number of statements that the server has completed. */
  completed: number;
  readonly tenant: Tenant | undefined;
}

export interface StatementRecorder {
  /** Records each statement of completed SQL text. */
  recordStatements: (statement: SentStatement, error: unknown) => void;
  /** Records a failed attempt to get a connection as a statement with the operation `CONNECT`. */
  recordFailedConnect: (attempt: ConnectAttempt, errorType: string) => void;
}

/** An attempt to connect to PostgreSQL, or to get a connection from a pool. */
export interface ConnectAttempt {
  /** Time from `performance.now()`. */
  readonly startMs: number;
  readonly tenant: Tenant | undefined;
}

export function createStatementRecorder({
  histograms,
  onQuery,
}: StatementRecorderOptions): StatementRecorder {
  const histogram = histograms.create({
    scope: 'perfscope.db',
    name: 'db.client.operation.duration',
    unit: 's',
    description: 'Duration of database client operations.',
    boundaries: OPERATION_DURATION_BOUNDARIES_S,
  });
  const fingerprintCache = new Map<string, SqlFingerprint>();

  const getFingerprint = (text: string): SqlFingerprint => {
    const cached = fingerprintCache.get(text);
    if (cached) return cached;
    const fingerprint = fingerprintSql(text);
    if (text.length <= MAX_CACHED_STATEMENT_LENGTH) {
      // Removes the oldest entry. A frequent statement is cached again immediately.
      if (fingerprintCache.size >= MAX_CACHED_FINGERPRINTS)
        fingerprintCache.delete(fingerprintCache.keys().next().value!);
      fingerprintCache.set(text, fingerprint);
    }
    return fingerprint;
  };

  const record = (
    fingerprint: SqlFingerprint,
    durationMs: number,
    tenant: Tenant | undefined,
    errorType: string | undefined,
  ) => {
    const { organizationId = '', propertyId = '' } = tenant ?? {};
    const key = `${fingerprint.text}\n${errorType ?? ''}\n${organizationId}\n${propertyId}`;
    const errorAttributes: Attributes = errorType === undefined ? {} : { 'error.type': errorType };
    histogram.record(
      durationMs / 1000,
      key,
      () => toStatementAttributes(fingerprint, tenant, errorAttributes),
      errorAttributes,
    );
  };

  return {
    recordStatements: (statement, error) => {
      for (const part of toStatementParts(statement, performance.now(), error)) {
        const errorType = part.error === undefined ? undefined : getSqlErrorType(part.error);
        record(getFingerprint(part.text), part.durationMs, statement.tenant, errorType);
        onQuery(part.durationMs);
      }
    },
    recordFailedConnect: ({ startMs, tenant }, errorType) =>
      record(CONNECT_FINGERPRINT, performance.now() - startMs, tenant, errorType),
  };
}

interface StatementPart {
  readonly text: string;
  readonly durationMs: number;
  readonly error: unknown;
}

/** SQLSTATE of a syntax error. PostgreSQL then runs none of the statements in the SQL text. */
const SYNTAX_ERROR = '42601';

/**
 * Splits SQL text into the statements that ran, usually one. The duration is divided equally,
 * because the server sends the results of all statements together. A failed statement is the last
 * statement that ran. If PostgreSQL reports a different number of statements, for example because
 * of a rule, the text is treated as one statement.
 */
export function toStatementParts(
  statement: SentStatement,
  nowMs: number,
  error: unknown,
): StatementPart[] {
  const { text, startMs, completed } = statement;
  const durationMs = nowMs - startMs;
  const whole = [{ text, durationMs, error }];
  const texts = mayHaveMultipleStatements(text) ? splitStatements(text) : undefined;
  if (!texts || texts.length < 2) return whole;
  if ((error as { code?: unknown } | undefined)?.code === SYNTAX_ERROR) return whole;
  const failed = error !== undefined;
  const executed = completed + (failed ? 1 : 0);
  if (failed ? executed > texts.length : executed !== texts.length) return whole;
  return texts.slice(0, executed).map((part, i) => ({
    text: part,
    durationMs: durationMs / executed,
    error: i < completed ? undefined : error,
  }));
}

function toStatementAttributes(
  fingerprint: SqlFingerprint,
  tenant: Tenant | undefined,
  errorAttributes: Attributes,
) {
  const attributes: Attributes = {
    'db.system.name': 'postgresql',
    'db.operation.name': fingerprint.operation,
    'db.query.text': fingerprint.text,
    ...errorAttributes,
  };
  if (fingerprint.table !== undefined) attributes['db.collection.name'] = fingerprint.table;
  if (tenant?.organizationId) attributes[ATTR_ORGANIZATION_ID] = tenant.organizationId;
  if (tenant?.propertyId) attributes[ATTR_PROPERTY_ID] = tenant.propertyId;
  return attributes;
}

/** Returns the SQLSTATE or the Node.js error code. The message can contain values of the query. */
export function getSqlErrorType(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (typeof code === 'string' && /^\w{1,40}$/.test(code)) return code;
  return typeof name === 'string' && /^\w{1,40}$/.test(name) ? name : '_OTHER';
}
