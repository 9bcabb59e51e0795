import type { Attributes } from '@opentelemetry/api';
import { ATTR_ORGANIZATION_ID, ATTR_PROPERTY_ID } from '../attribute-keys.ts';
import type { HistogramRegistry } from './histogram-registry.ts';
import {
  fingerprintSql,
  mayHaveMultipleStatements,
  type SqlFingerprint,
  splitStatements,
} from './sql-fingerprint.ts';
import type { Tenant } from './tenant-context.ts';

/** Semantic conventions' advice for this histogram, in seconds. */
const OPERATION_DURATION_BOUNDARIES_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
/** Statements whose fingerprint is remembered; longer ones are bulk data, which does not repeat. */
const MAX_CACHED_FINGERPRINTS = 1000;
const MAX_CACHED_STATEMENT_LENGTH = 4000;

export interface StatementRecorderOptions {
  histograms: HistogramRegistry;
  /** Called once for each statement, after it was recorded. */
  onQuery: (durationMs: number) => void;
}

/** A statement, or several in one text, that was sent. Times by `performance.now()`. */
export interface SentStatement {
  readonly text: string;
  readonly startMs: number;
  /** How many statements the server has completed. */
  completed: number;
  readonly tenant: Tenant | undefined;
}

/** @returns what records a statement, or each of those that were sent as one text, when it has ended */
export function createStatementRecorder({ histograms, onQuery }: StatementRecorderOptions) {
  const histogram = histograms.create({
    scope: 'perfscope.db',
    name: 'db.client.operation.duration',
    unit: 's',
    description: 'Duration of database client operations.',
    boundaries: OPERATION_DURATION_BOUNDARIES_S,
  });
  const remembered = new Map<string, SqlFingerprint>();

  const fingerprintOf = (text: string): SqlFingerprint => {
    const known = remembered.get(text);
    if (known) return known;
    const made = fingerprintSql(text);
    if (text.length <= MAX_CACHED_STATEMENT_LENGTH) {
      // The oldest goes: what is used all the time comes back at once.
      if (remembered.size >= MAX_CACHED_FINGERPRINTS)
        remembered.delete(remembered.keys().next().value!);
      remembered.set(text, made);
    }
    return made;
  };

  const recordOne = (
    text: string,
    durationMs: number,
    tenant: Tenant | undefined,
    error: unknown,
  ) => {
    const print = fingerprintOf(text);
    const failure = error === undefined ? undefined : getSqlErrorType(error);
    const { organizationId = '', propertyId = '' } = tenant ?? {};
    const key = `${print.text}\n${failure ?? ''}\n${organizationId}\n${propertyId}`;
    const kept: Attributes = failure === undefined ? {} : { 'error.type': failure };
    histogram.record(
      durationMs / 1000,
      key,
      () => toStatementAttributes(print, tenant, kept),
      kept,
    );
    onQuery(durationMs);
  };

  return (statement: SentStatement, error: unknown) => {
    const { tenant } = statement;
    for (const part of toStatementParts(statement, performance.now(), error)) {
      recordOne(part.text, part.durationMs, tenant, part.error);
    }
  };
}

interface StatementPart {
  readonly text: string;
  readonly durationMs: number;
  readonly error: unknown;
}

/** SQLSTATE of a text that PostgreSQL could not read, so that none of its statements ran. */
const SYNTAX_ERROR = '42601';

/**
 * What ran of a text: mostly one statement. Several have equal shares of the time, because the server
 * sends what it says of each when it is done with all; one that failed is the last that ran. Where
 * PostgreSQL has counted other statements than we did (a rule, a function with a body of its own),
 * the text stays one.
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
  const ran = completed + (failed ? 1 : 0);
  if (failed ? ran > texts.length : ran !== texts.length) return whole;
  return texts.slice(0, ran).map((part, i) => ({
    text: part,
    durationMs: durationMs / ran,
    error: i < completed ? undefined : error,
  }));
}

function toStatementAttributes(
  print: SqlFingerprint,
  tenant: Tenant | undefined,
  kept: Attributes,
) {
  const attributes: Attributes = {
    'db.system.name': 'postgresql',
    'db.operation.name': print.operation,
    'db.query.text': print.text,
    ...kept,
  };
  if (print.table !== undefined) attributes['db.collection.name'] = print.table;
  if (tenant?.organizationId) attributes[ATTR_ORGANIZATION_ID] = tenant.organizationId;
  if (tenant?.propertyId) attributes[ATTR_PROPERTY_ID] = tenant.propertyId;
  return attributes;
}

/** SQLSTATE or Node's code: never the message, which may hold what was queried for. */
function getSqlErrorType(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (typeof code === 'string' && /^\w{1,40}$/.test(code)) return code;
  return typeof name === 'string' && /^\w{1,40}$/.test(name) ? name : '_OTHER';
}
