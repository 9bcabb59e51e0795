import { getDatabaseErrorType, neverThrow } from '../error-types.ts';

/** Names of the primary result codes from 1 (https://sqlite.org/rescode.html). */
const PRIMARY_CODES = [
  ...['ERROR', 'INTERNAL', 'PERM', 'ABORT', 'BUSY', 'LOCKED', 'NOMEM', 'READONLY', 'INTERRUPT'],
  ...['IOERR', 'CORRUPT', 'NOTFOUND', 'FULL', 'CANTOPEN', 'PROTOCOL', 'EMPTY', 'SCHEMA', 'TOOBIG'],
  ...['CONSTRAINT', 'MISMATCH', 'MISUSE', 'NOLFS', 'AUTH', 'FORMAT', 'RANGE', 'NOTADB'],
];
/** Names of frequent extended result codes. */
const EXTENDED_CODES: Readonly<Record<number, string>> = {
  275: 'SQLITE_CONSTRAINT_CHECK',
  787: 'SQLITE_CONSTRAINT_FOREIGNKEY',
  1299: 'SQLITE_CONSTRAINT_NOTNULL',
  1555: 'SQLITE_CONSTRAINT_PRIMARYKEY',
  1811: 'SQLITE_CONSTRAINT_TRIGGER',
  2067: 'SQLITE_CONSTRAINT_UNIQUE',
  517: 'SQLITE_BUSY_SNAPSHOT',
};

/**
 * Returns the class of an error: the name of SQLite's result code, such as `SQLITE_CONSTRAINT_UNIQUE`, or the code or the
 * name of another error. `node:sqlite` has only the number.
 */
export const getSqliteErrorType = neverThrow((error) => {
  const { errcode } = (error ?? {}) as { errcode?: unknown };
  if (typeof errcode !== 'number') return getDatabaseErrorType(error);
  const primary = PRIMARY_CODES[(errcode & 0xff) - 1];
  const name = primary === undefined ? getDatabaseErrorType(error) : `SQLITE_${primary}`;
  return EXTENDED_CODES[errcode] ?? name;
});
