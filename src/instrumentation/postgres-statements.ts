import type { Attributes } from '@opentelemetry/api';
import { ORGANIZATION, PROPERTY } from '../schema/attributes.ts';
import type { Tenant } from './context.ts';
import type { Histograms } from './histograms.ts';
import { type Fingerprint, fingerprint } from './sql-fingerprint.ts';
import { mayBeSeveral, statementsOf } from './sql-tokens.ts';

/** Semantic conventions' advice for this histogram, in seconds. */
const BOUNDARIES_S = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
/** Statements whose fingerprint is remembered; longer ones are bulk data, which does not repeat. */
const MOST_REMEMBERED = 1000;
const MOST_REMEMBERED_LENGTH = 4000;

export interface RecordingOptions {
  histograms: Histograms;
  /** Called once for each statement, after it was recorded. */
  onQuery: (durationMs: number) => void;
}

/** A statement, or several in one text, that was sent. Times by `performance.now()`. */
export interface Statement {
  readonly text: string;
  readonly startMs: number;
  /** How many statements the server has completed. */
  completed: number;
  readonly tenant: Tenant | undefined;
}

/** @returns what records a statement, or each of those that were sent as one text, when it has ended */
export function statementRecorder({ histograms, onQuery }: RecordingOptions) {
  const histogram = histograms.create({
    scope: 'perfscope.db',
    name: 'db.client.operation.duration',
    unit: 's',
    description: 'Duration of database client operations.',
    boundaries: BOUNDARIES_S,
  });
  const remembered = new Map<string, Fingerprint>();

  const fingerprintOf = (text: string): Fingerprint => {
    const known = remembered.get(text);
    if (known) return known;
    const made = fingerprint(text);
    if (text.length <= MOST_REMEMBERED_LENGTH) {
      // The oldest goes: what is used all the time comes back at once.
      if (remembered.size >= MOST_REMEMBERED) remembered.delete(remembered.keys().next().value!);
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
    const failure = error === undefined ? undefined : errorType(error);
    const { organizationId = '', propertyId = '' } = tenant ?? {};
    const key = `${print.text}\n${failure ?? ''}\n${organizationId}\n${propertyId}`;
    const kept: Attributes = failure === undefined ? {} : { 'error.type': failure };
    histogram.record(durationMs / 1000, key, () => attributesOf(print, tenant, kept), kept);
    onQuery(durationMs);
  };

  return (statement: Statement, error: unknown) => {
    const { tenant } = statement;
    for (const part of partsOf(statement, performance.now(), error)) {
      recordOne(part.text, part.durationMs, tenant, part.error);
    }
  };
}

interface Part {
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
export function partsOf(statement: Statement, nowMs: number, error: unknown): Part[] {
  const { text, startMs, completed } = statement;
  const durationMs = nowMs - startMs;
  const whole = [{ text, durationMs, error }];
  const texts = mayBeSeveral(text) ? statementsOf(text) : undefined;
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

function attributesOf(print: Fingerprint, tenant: Tenant | undefined, kept: Attributes) {
  const attributes: Attributes = {
    'db.system.name': 'postgresql',
    'db.operation.name': print.operation,
    'db.query.text': print.text,
    ...kept,
  };
  if (print.table !== undefined) attributes['db.collection.name'] = print.table;
  if (tenant?.organizationId) attributes[ORGANIZATION] = tenant.organizationId;
  if (tenant?.propertyId) attributes[PROPERTY] = tenant.propertyId;
  return attributes;
}

/** SQLSTATE or Node's code: never the message, which may hold what was queried for. */
function errorType(error: unknown): string {
  const { code, name } = error as { code?: unknown; name?: unknown };
  if (typeof code === 'string' && /^\w{1,40}$/.test(code)) return code;
  return typeof name === 'string' && /^\w{1,40}$/.test(name) ? name : '_OTHER';
}
