import { getDatabaseErrorType, neverThrow, readErrorProperty } from '../error-types.ts';

/**
 * Names of the codes that a server returns
 * (https://github.com/apache/cassandra/blob/trunk/doc/native_protocol_v5.spec, section 9).
 */
const CODE_NAMES: Readonly<Record<number, string>> = {
  0: 'SERVER_ERROR',
  10: 'PROTOCOL_ERROR',
  256: 'BAD_CREDENTIALS',
  4096: 'UNAVAILABLE',
  4097: 'OVERLOADED',
  4098: 'IS_BOOTSTRAPPING',
  4099: 'TRUNCATE_ERROR',
  4352: 'WRITE_TIMEOUT',
  4608: 'READ_TIMEOUT',
  4864: 'READ_FAILURE',
  5120: 'FUNCTION_FAILURE',
  5376: 'WRITE_FAILURE',
  8192: 'SYNTAX_ERROR',
  8448: 'UNAUTHORIZED',
  8704: 'INVALID',
  8960: 'CONFIG_ERROR',
  9216: 'ALREADY_EXISTS',
  9472: 'UNPREPARED',
};

interface CassandraError {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly innerErrors?: unknown;
}

/**
 * Returns the class of an error: the name of the server's code, `timeout`, or the name of the class. If no host can be
 * reached, it is the class of the first host's error. The message can contain values.
 */
export const getCassandraErrorType = neverThrow((error) => {
  const { name, code } = (error ?? {}) as CassandraError;
  if (typeof code === 'number') return CODE_NAMES[code] ?? `code_${code}`;
  if (typeof code === 'string') return getDatabaseErrorType(error);
  if (name === 'OperationTimedOutError') return 'timeout';
  if (name === 'NoHostAvailableError') {
    const inner = getHostError(error) as CassandraError | undefined;
    if (typeof inner?.code === 'number' || inner?.name === 'OperationTimedOutError')
      return getCassandraErrorType(inner);
    if (typeof inner?.code === 'string') return getDatabaseErrorType(inner);
  }
  return getDatabaseErrorType({ name });
});

/** Returns the error of the first host that can't be reached. */
export function getHostError(error: unknown): unknown {
  const innerErrors = readErrorProperty(error, 'innerErrors');
  return typeof innerErrors === 'object' && innerErrors !== null
    ? Object.values(innerErrors)[0]
    : undefined;
}
