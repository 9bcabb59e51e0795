import { getDatabaseErrorType, neverThrow } from '../error-types.ts';

/** Names of frequent codes. Errors of single writes have only a number. */
const CODE_NAMES: Readonly<Record<number, string>> = {
  18: 'AuthenticationFailed',
  112: 'WriteConflict',
  121: 'DocumentValidationFailure',
  11000: 'DuplicateKey',
};
/** Operating system codes in the messages of network errors, whose cause is missing in older versions. */
const SYSTEM_CODE = /\b(E[A-Z]{4,15})\b/;

interface MongoError {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly codeName?: unknown;
  readonly cause?: unknown;
}

/** Part of a response that the driver hasn't parsed. */
interface ResponseDocument {
  has?: (name: string) => boolean;
  get?: (name: string | number, type: number) => ResponseDocument | null;
  getNumber?: (name: string) => number | null;
}

/** Types of BSON (https://bsonspec.org/spec.html). */
const BSON_DOCUMENT = 3;
const BSON_ARRAY = 4;

/**
 * Returns the class of an error: the code name of the server, the code of the operating system, `timeout`, or the name
 * of the class. The message can contain values.
 */
export const getMongoErrorType = neverThrow((error) => {
  const { name, message, code, codeName, cause } = (error ?? {}) as MongoError;
  if (typeof codeName === 'string' && /^\w{1,60}$/.test(codeName)) return codeName;
  if (typeof code === 'number') return toCodeName(code);
  const causeCode = (cause as MongoError | undefined)?.code;
  if (typeof causeCode === 'string') return getDatabaseErrorType(cause);
  const isNetworkError = typeof name === 'string' && name.startsWith('MongoNetwork');
  const [, systemCode] = isNetworkError ? (SYSTEM_CODE.exec(String(message)) ?? []) : [];
  if (systemCode !== undefined) return systemCode;
  if (typeof name === 'string' && name.includes('Timeout')) return 'timeout';
  return getDatabaseErrorType({ name });
});

function toCodeName(code: number): string {
  return CODE_NAMES[code] ?? `code_${code}`;
}

/** Returns why no server could be selected: the error of the first server that has one, or `timeout`. */
export const getSelectionErrorType = neverThrow((error) => {
  const { reason, cause } = (error ?? {}) as {
    reason?: { servers?: Map<string, { error?: unknown }> };
    cause?: unknown;
  };
  const servers = (reason ?? (cause as { reason?: typeof reason } | undefined)?.reason)?.servers;
  for (const server of servers?.values() ?? []) {
    if (server.error) return getMongoErrorType(server.error);
  }
  return getMongoErrorType(error) === 'MongoServerSelectionError'
    ? 'timeout'
    : getMongoErrorType(error);
});

/**
 * Returns the class of the first error in a successful response. Commands that write several documents succeed even if
 * some of them can't be written.
 *
 * @param response plain object, or a document that the driver parses on demand
 */
export function getWriteErrorType(response: unknown): string | undefined {
  const document = response as ResponseDocument & { writeErrors?: { code?: unknown }[] };
  if (typeof document?.has === 'function') {
    if (!document.has('writeErrors')) return undefined;
    const first = document.get?.('writeErrors', BSON_ARRAY)?.get?.(0, BSON_DOCUMENT);
    return toCodeName(first?.getNumber?.('code') ?? 0);
  }
  const [first] = Array.isArray(document?.writeErrors) ? document.writeErrors : [];
  return first && toCodeName(Number(first.code ?? 0));
}
