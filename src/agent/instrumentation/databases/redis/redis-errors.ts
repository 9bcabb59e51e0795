import { getDatabaseErrorType, neverThrow } from '../error-types.ts';

/** Errors of drivers that have neither a code nor a specific class. */
const MESSAGE_TYPES: Readonly<Record<string, string>> = {
  'Command timed out': 'timeout',
  'Connection is closed.': 'connection_closed',
  "Stream isn't writeable and enableOfflineQueue options is false": 'offline',
  "Cluster isn't ready and enableOfflineQueue options is false": 'offline',
  'The queue is full': 'queue_full',
};
/** Classes for errors from the server. node-redis also uses subclasses, such as `SimpleError`. */
const REPLY_ERROR = /^(?:ReplyError|ErrorReply|SimpleError|BlobError)$/;
/** The code of an error from the server is its first word, such as `WRONGTYPE`. */
const REPLY_CODE = /^[A-Z]{2,24}(?= |$)/;

/**
 * Returns the class of an error: the code word of the server, the Node.js error code, `timeout`, or the name of the
 * class. The message can contain keys and values.
 */
export const getRedisErrorType = neverThrow((error) => {
  if (!(error instanceof Error)) return '_OTHER';
  const { message, name } = error;
  const className = name === 'Error' ? error.constructor.name : name;
  if (REPLY_ERROR.test(className)) return REPLY_CODE.exec(message)?.[0] ?? className;
  if (/Timeout/.test(className)) return 'timeout';
  const { code } = error as { code?: unknown };
  if (typeof code === 'string') return getDatabaseErrorType(error);
  const known = Object.hasOwn(MESSAGE_TYPES, message) ? MESSAGE_TYPES[message] : undefined;
  // A server that is loading rejects the handshake.
  return known ?? getDatabaseErrorType({ name: className });
});
