import { getDatabaseErrorType, neverThrow } from '../error-types.ts';

/**
 * Codes of failed connections: wrong password, unreachable or slow server, missing database, TLS, and no free
 * connection in time (https://www.prisma.io/docs/orm/reference/error-reference).
 */
const CONNECT_CODES = /^P(?:100[0-37-9]|101[01]|1017|2024)$/;

/** Errors without their own code: the driver `mariadb` got no connection in time. */
const CONNECT_MESSAGE = /Database error\. Code: `450(?:12|28)`/;

/** Errors of the first connection have a code, but the client drops it from the error that it throws. */
const MESSAGE_CODES: readonly (readonly [text: string, code: string])[] = [
  ["Can't reach database server", 'P1001'],
  ['Authentication failed against database server', 'P1000'],
];

/** Returns the code of an error, such as `P2002`, or the name of its class. */
export const getPrismaErrorType = neverThrow((error) => {
  const { code, errorCode, name, message } = (error ?? {}) as Record<string, unknown>;
  const known = code ?? errorCode;
  if (known !== undefined || name !== 'PrismaClientInitializationError')
    return getDatabaseErrorType({ code: known, name });
  const found = MESSAGE_CODES.find(([text]) => String(message).includes(text));
  return found?.[1] ?? getDatabaseErrorType({ name });
});

/** Whether an operation failed because the engine got no connection. */
export function isConnectError(errorType: string, error: unknown): boolean {
  const { name, message } = (error ?? {}) as { name?: unknown; message?: unknown };
  if (errorType === 'P2039') return CONNECT_MESSAGE.test(String(message));
  return CONNECT_CODES.test(errorType) || name === 'PrismaClientInitializationError';
}
