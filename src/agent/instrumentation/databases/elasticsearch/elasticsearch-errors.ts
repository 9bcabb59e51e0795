import { getDatabaseErrorType, neverThrow } from '../error-types.ts';

interface ElasticsearchError {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  readonly meta?: { readonly body?: unknown; readonly statusCode?: unknown };
}

/** Codes of the operating system. The library puts them only into the message. */
const SYSTEM_CODE = /\b(E[A-Z]{4,15})\b/;
const NAMES: Readonly<Record<string, string>> = {
  TimeoutError: 'timeout',
  RequestAbortedError: 'aborted',
};

/**
 * Returns the class of an error: the type that the server returned, such as `index_not_found_exception`, or the status.
 * Without a response, it is the code of the operating system, or the name of the class.
 */
export const getElasticsearchErrorType = neverThrow((error) => {
  const { name, message, meta, cause } = (error ?? {}) as ElasticsearchError;
  if (name === 'ResponseError') {
    const type = (meta?.body as { error?: { type?: unknown } } | undefined)?.error?.type;
    if (typeof type === 'string' && /^\w{1,60}$/.test(type)) return type;
    return typeof meta?.statusCode === 'number' ? String(meta.statusCode) : 'ResponseError';
  }
  if (typeof name === 'string' && Object.hasOwn(NAMES, name)) return NAMES[name]!;
  const causeCode = (cause as { code?: unknown } | undefined)?.code;
  if (typeof causeCode === 'string') return getDatabaseErrorType(cause);
  const code = name === 'ConnectionError' ? SYSTEM_CODE.exec(String(message))?.[1] : undefined;
  return code ?? getDatabaseErrorType({ name });
});
