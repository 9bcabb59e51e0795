import { startOperation } from '../../context/operations.ts';
import { isQueueCollection } from '../../context/unrecorded-commands.ts';
import type { Library } from '../../loading/library.ts';
import type { DatabaseRecorder } from '../database-recorder.ts';
import { type CallObserver, observeCall } from './mongodb-calls.ts';
import { getMongoErrorType, getWriteErrorType } from './mongodb-errors.ts';
import { fingerprintMongoCommand, type MongoCommand } from './mongodb-fingerprint.ts';
import { patchMongoPool, patchMongoTopology } from './mongodb-pools.ts';

/** What fails, for `guard`. */
const PART = 'the MongoDB instrumentation';

/** Commands that the driver sends itself to connect, authenticate, monitor servers, and end sessions. */
const OWN_COMMANDS = new Set([
  ...['hello', 'isMaster', 'ismaster', 'ping', 'endSessions'],
  ...['saslStart', 'saslContinue', 'authenticate', 'getnonce'],
]);
/** Commands that succeed even if some documents can't be written. */
const WRITE_COMMANDS = new Set(['insert', 'update', 'delete']);
/** Maximum number of cursors to remember. */
const MAX_WAITING_CURSORS = 1000;

/**
 * Measures each command on its connection, which the driver calls in all versions. Monitoring events would need an
 * option that the application can see, and have durations in whole milliseconds.
 */
export const MONGODB_DRIVER: Library = {
  name: 'mongodb',
  category: 'database',
  versions: { from: '4.0.0', to: 7 },
  measured:
    'Each command with the field names of its filter, update, or pipeline, such as `find rooms {city, status}`. Failed server selections. Used and idle connections and waiting callers of each pool. Mongoose is measured through the driver.',
  limits:
    'Reads of change streams and tailable cursors are not recorded, because they wait for new data by design. `ping` is not recorded. A bulk write has the fingerprint of its first statement. In version 7, it has only its name and collection.',
  bundledMessages: ['Server selection timed out after'],
  instrument: ({ databases, pools }) => ({
    patches: {
      'lib/cmap/connection.js': (exports) => patchConnection(exports, databases),
      'lib/cmap/connection_pool.js': (exports) => patchMongoPool(exports, pools, databases),
      'lib/sdam/topology.js': (exports) => patchMongoTopology(exports, databases),
    },
  }),
};

function patchConnection(exports: unknown, databases: DatabaseRecorder): void {
  const { prototype } = (exports as { Connection: { prototype: object } }).Connection;
  /** IDs of cursors whose next batch waits for new documents. */
  const waitingCursors = new Set<string>();

  observeCall(
    PART,
    prototype,
    'command',
    3,
    (_, [namespace, document]): CallObserver | undefined => {
      const command = document as MongoCommand;
      const name = getCommandName(command);
      if (OWN_COMMANDS.has(name)) return undefined;
      if (isQueueCollection(getNamespace(namespace, command, name))) return undefined;
      if (name === 'getMore' && waitingCursors.has(String(command.getMore))) return undefined;
      const fingerprint = fingerprintMongoCommand(name, command);
      const operation = startOperation('database');
      return {
        onFulfilled: (response) => {
          const errorType = WRITE_COMMANDS.has(name) ? getWriteErrorType(response) : undefined;
          databases.endCommand(operation, fingerprint, errorType);
          if (isWaitingCursor(name, command)) addCursor(waitingCursors, response);
        },
        onRejected: (error) => {
          databases.endCommand(operation, fingerprint, getMongoErrorType(error));
        },
      };
    },
  );
}

/** Some commands run on the database, and contain the name of the collection. */
function getNamespace(namespace: unknown, command: MongoCommand, name: string): unknown {
  const { db, collection = command[name] } = namespace as { db?: unknown; collection?: unknown };
  return {
    db,
    collection: collection === '$cmd' ? (command.collection ?? command[name]) : collection,
  };
}

/** Returns the first key. */
function getCommandName(command: MongoCommand): string {
  for (const key in command) return key;
  return '';
}

/** Whether a command opens a tailable cursor or a change stream. */
function isWaitingCursor(name: string, command: MongoCommand): boolean {
  if (name === 'find') return command.tailable === true;
  if (name !== 'aggregate' || !Array.isArray(command.pipeline)) return false;
  const [stage] = command.pipeline as unknown[];
  return typeof stage === 'object' && stage !== null && '$changeStream' in stage;
}

/** @param response plain object, or a document with `id` that the driver parses on demand */
function addCursor(cursors: Set<string>, response: unknown): void {
  const { id, cursor } = response as { id?: unknown; cursor?: { id?: unknown } };
  const cursorId = id ?? cursor?.id;
  if (cursorId === undefined) return;
  // Removes the oldest cursor. It has probably ended.
  if (cursors.size >= MAX_WAITING_CURSORS) cursors.delete(cursors.values().next().value!);
  cursors.add(String(cursorId));
}
