import { copyText } from '../../../../core/copy-text.ts';
import { guard } from '../../../../core/guard.ts';
import {
  endOperation,
  type Operation,
  startBackgroundOperation,
  startOperation,
} from '../../context/operations.ts';
import { bindCallback } from '../../context/tenant-context.ts';
import { isUnrecorded } from '../../context/unrecorded-commands.ts';
import type { InstrumentationContext } from '../../instrumentation-context.ts';
import { ExistingObject } from '../../loading/hidden-property.ts';
import type { Library } from '../../loading/library.ts';
import { type Method, observeMethod, wrapMethod } from '../../loading/method-patching.ts';
import type { DatabaseCommand, DatabaseRecorder } from '../database-recorder.ts';
import { getMemcachedErrorType } from './memcached-errors.ts';

/** What fails, for {@link guard}. */
const PART = 'the memcached instrumentation';
/** Value of `db.system.name`. */
const MEMCACHED_SYSTEM = 'memcached';
/** The protocol has fewer commands. */
const MAX_COMMANDS = 100;
const COMMAND_NAME = /^[a-z][a-z_ ]{0,39}$/;

/** What the library sends to a server. */
interface Query {
  type?: unknown;
  callback?: unknown;
}

/** A connection with the queries that wait for a reply. The first one is the current one. */
interface Connection {
  metaData?: readonly object[];
}

/** Field of a query that stores its operation. */
class OperationField extends ExistingObject {
  #operation: Operation;
  #command: DatabaseCommand;

  private constructor(query: object, operation: Operation, command: DatabaseCommand) {
    super(query);
    this.#operation = operation;
    this.#command = command;
  }

  static add(query: object, operation: Operation, command: DatabaseCommand): void {
    if (!(#operation in query)) new OperationField(query, operation, command);
  }

  static getOperation(query: object): Operation | undefined {
    return #operation in query ? query.#operation : undefined;
  }

  static getCommand(query: object): DatabaseCommand | undefined {
    return #command in query ? query.#command : undefined;
  }
}

const commands = new Map<string, DatabaseCommand>();
const GET = getCommand('get');

/**
 * Measures memcached. The library passes all commands to `command`, as a function that creates a query with the callback of
 * the application. This callback is called once with the result, so it is the end of the command.
 */
export const MEMCACHED: Library = {
  name: 'memcached',
  category: 'database',
  versions: { from: '2.0.0', to: 2 },
  measured:
    'Each command by name, such as `get`, and failed connections. A `get` of several keys is one command. A missing key is not an error, and neither is an item that is not stored.',
  limits:
    'If the connection is lost while a command waits for its reply, the library never calls its callback, so the command is not recorded.',
  bundledMessages: ['No servers where supplied in the arguments'],
  instrument: ({ databases }: InstrumentationContext) => ({
    patches: { 'lib/memcached.js': (exports) => patchClient(exports, databases) },
  }),
};

function patchClient(exports: unknown, databases: DatabaseRecorder): void {
  const { prototype } = exports as { prototype: object };
  const observeCallback = createCallbackObserver(databases);
  patchCommand(prototype, observeCallback);
  patchGetMulti(prototype, observeCallback);
  patchConnect(prototype, databases);
  // A server that is out of memory fails a command without an error for its callback.
  observeMethod(PART, prototype, 'connectionIssue', {
    before: (_client, [, connection]) => {
      const query = (connection as Connection | undefined)?.metaData?.[0];
      const operation = query && OperationField.getOperation(query);
      const command = query && OperationField.getCommand(query);
      if (operation && command) databases.endCommand(operation, command, 'SERVER_ERROR');
    },
  });
}

/** Whether the library sends the commands of `getMulti`, which is recorded as one command. */
let isMulti = false;

function patchCommand(prototype: object, observeCallback: CallbackObserver): void {
  const observe = guard(PART, (query: Query) => {
    if (isMulti || isUnrecorded() || typeof query?.callback !== 'function') return;
    const operation = startOperation('database');
    const command = getCommand(typeof query.type === 'string' ? query.type : '');
    OperationField.add(query, operation, command);
    query.callback = observeCallback(query.callback as Method, operation, command);
  });
  wrapMethod(prototype, 'command', (original) => {
    return function command(this: unknown, ...args: unknown[]) {
      const [compile] = args;
      if (typeof compile !== 'function') return original.apply(this, args);
      let isFirst = true;
      // Further calls create the queries for redundant servers, which have no callback.
      const observed = function (this: unknown, ...options: unknown[]) {
        const query = (compile as Method).apply(this, options) as Query;
        if (isFirst) observe(query);
        isFirst = false;
        return query;
      };
      return original.apply(this, args.with(0, observed));
    };
  });
}

function patchGetMulti(prototype: object, observeCallback: CallbackObserver): void {
  const start = guard(PART, (args: unknown[]) => {
    const [keys, callback] = args;
    if (isUnrecorded() || !Array.isArray(keys) || keys.length === 0) return undefined;
    if (typeof callback !== 'function') return undefined;
    const operation = startOperation('database');
    const observed = observeCallback(callback as Method, operation, GET);
    return { operation, args: args.with(1, observed) };
  });
  wrapMethod(prototype, 'getMulti', (original) => {
    return function getMulti(this: unknown, ...args: unknown[]) {
      const call = start(args);
      const outer = isMulti;
      isMulti = call !== undefined;
      let isReturned = false;
      try {
        const result = original.apply(this, call?.args ?? args);
        isReturned = true;
        return result;
      } finally {
        isMulti = outer;
        // The library rejected the arguments, so there is no command.
        if (!isReturned && call) endOperation(call.operation, '', true, 0);
      }
    };
  });
}

/** Returns a callback that records the command, and calls the given one. */
type CallbackObserver = (
  callback: Method,
  operation: Operation,
  command: DatabaseCommand,
) => Method;

function createCallbackObserver(databases: DatabaseRecorder): CallbackObserver {
  const end = guard(PART, (operation: Operation, command: DatabaseCommand, error: unknown) => {
    const errorType = getMemcachedErrorType(error);
    // The library rejected the arguments, so there is no command.
    if (errorType === 'invalid_argument') endOperation(operation, '', true, 0);
    else databases.endCommand(operation, command, errorType);
  });
  return (callback, operation, command) => {
    const [bound] = bindCallback([callback], 0) as [Method];
    return function (this: unknown, ...results: unknown[]) {
      end(operation, command, results[0]);
      return bound.apply(this, results);
    };
  };
}

/** Records each failed attempt to get a connection, after all its retries. The pool is used for each command. */
function patchConnect(prototype: object, databases: DatabaseRecorder): void {
  const fail = guard(PART, (server: string, startMs: number, error: unknown) => {
    const errorType = getMemcachedErrorType(error);
    if (errorType === undefined) return;
    const operation = { ...startBackgroundOperation('connection'), startMs };
    const failure = { errorType, error, server: formatServer(server) };
    databases.endFailedConnect(operation, MEMCACHED_SYSTEM, failure);
  });
  wrapMethod(prototype, 'connect', (original) => {
    return function connect(this: unknown, ...args: unknown[]) {
      const [server, callback] = args;
      if (typeof server !== 'string' || typeof callback !== 'function')
        return original.apply(this, args);
      const startMs = performance.now();
      const observed = function (this: unknown, ...results: unknown[]) {
        // `false` means that the library didn't try to connect, because earlier attempts failed.
        if (results[0]) fail(server, startMs, results[0]);
        return (callback as Method).apply(this, results);
      };
      return original.apply(this, args.with(1, observed));
    };
  });
}

function formatServer(server: string): string {
  return /:\d+$/.test(server) || server.startsWith('/') ? server : `${server}:11211`;
}

function getCommand(type: string): DatabaseCommand {
  const known = commands.get(type);
  if (known) return known;
  const isValid = COMMAND_NAME.test(type) && commands.size < MAX_COMMANDS;
  const text = isValid ? copyText(type) : '_OTHER';
  const command = { system: MEMCACHED_SYSTEM, text, operation: text, table: undefined };
  if (isValid) commands.set(text, command);
  return command;
}
