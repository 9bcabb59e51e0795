import { getDatabaseErrorType } from './database-recorder.ts';

/**
 * Codes of failed connections: wrong password, unreachable or slow server, missing database, TLS, and no free
 * connection in time (https://www.prisma.io/docs/orm/reference/error-reference).
 */
const CONNECT_CODES = /^P(?:100[0-37-9]|101[01]|1017|2024)$/;

/** Returns the code of an error, such as `P2002`, or the name of its class. */
export function getPrismaErrorType(error: unknown): string {
  const { code, errorCode, name } = (error ?? {}) as Record<string, unknown>;
  return getDatabaseErrorType({ code: code ?? errorCode, name });
}

/** Whether an operation failed because the engine got no connection. */
export function isConnectError(errorType: string, error: unknown): boolean {
  const { name } = (error ?? {}) as { name?: unknown };
  return CONNECT_CODES.test(errorType) || name === 'PrismaClientInitializationError';
}
