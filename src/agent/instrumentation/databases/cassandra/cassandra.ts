import { types } from 'node:util';
import { guard } from '../../../../core/guard.ts';
import {
  endOperation,
  type Operation,
  startBackgroundOperation,
  startOperation,
} from '../../context/operations.ts';
import { isUnrecorded } from '../../context/unrecorded-commands.ts';
import type { InstrumentationContext } from '../../instrumentation-context.ts';
import type { Library } from '../../loading/library.ts';
import { observePromise, wrapMethod } from '../../loading/method-patching.ts';
import type { DatabaseCommand, DatabaseRecorder } from '../database-recorder.ts';
import { readErrorProperty } from '../error-types.ts';
import { createSentStatement, type SentStatement } from '../statement-parts.ts';
import { getCassandraErrorType, getHostError } from './cassandra-errors.ts';

/** What fails, for {@link guard}. */
const PART = 'the Cassandra instrumentation';
/** Value of `db.system.name`. */
const CASSANDRA = 'cassandra';

const BATCH: DatabaseCommand = {
  system: CASSANDRA,
  text: 'BATCH',
  operation: 'BATCH',
  table: undefined,
};

interface Client {
  connected?: unknown;
  connecting?: unknown;
  isShuttingDown?: unknown;
  keyspace?: unknown;
  options?: {
    contactPoints?: readonly unknown[];
    protocolOptions?: { port?: unknown };
  };
}

interface ResultSet {
  readonly rowLength?: number;
}

/**
 * Measures the Cassandra driver. All kinds of statements use `_execute`, once for each page, and all batches use `_batch`.
 * Both return a promise in all versions, which the driver turns into a callback.
 */
export const CASSANDRA_DRIVER: Library = {
  name: 'cassandra-driver',
  category: 'database',
  versions: { from: '4.6.0', to: 4 },
  measured:
    'Statements, prepared statements, `eachRow()`, and `stream()`: each page is one statement. A batch is one operation `BATCH`, which counts each of its statements for the request. Failed connections.',
  limits:
    'Graph queries are not measured. The keyspace is named only if the statement names it. A statement that waits for the connection includes this wait.',
  bundledMessages: ['Connecting after shutdown is not supported'],
  instrument: ({ databases }: InstrumentationContext) => ({
    patches: {
      'lib/client.js': (exports) => {
        const { prototype } = exports as { prototype: object };
        patchExecute(prototype, databases);
        patchBatch(prototype, databases);
        patchConnect(prototype, databases);
      },
    },
  }),
};

interface ExecutionOptions {
  readonly getPageState?: () => unknown;
}

/** Arguments of a later page, which isn't a repeated execution. */
const LATER_PAGE = Symbol('later page');

function patchExecute(prototype: object, databases: DatabaseRecorder): void {
  const start = guard(PART, ([query, values, options]: readonly unknown[]) => {
    if (isUnrecorded() || typeof query !== 'string') return undefined;
    const statement = createSentStatement(startOperation('database'), CASSANDRA, query, undefined);
    const isLaterPage = (options as ExecutionOptions | undefined)?.getPageState?.() != null;
    statement.values = isLaterPage ? LATER_PAGE : values;
    return statement;
  });
  const end = guard(PART, (statement: SentStatement, errorType: string | undefined) => {
    if (errorType === INVALID_ARGUMENT) endOperation(statement.operation, '', true, 0);
    else {
      const fingerprint = databases.getFingerprint(statement.text, CASSANDRA);
      databases.endStatement(statement, fingerprint, errorType);
    }
  });
  const succeed = guard(PART, (statement: SentStatement, result: unknown) => {
    statement.returnedRows = (result as ResultSet | undefined)?.rowLength ?? 0;
    end(statement, undefined);
  });
  patchPromise(prototype, '_execute', (args) => start(args), {
    succeed,
    fail: (statement, error) => end(statement, getErrorType(error)),
  });
}

interface RunningBatch {
  readonly operation: Operation;
  readonly count: number;
}

function patchBatch(prototype: object, databases: DatabaseRecorder): void {
  const start = guard(PART, (queries: unknown): RunningBatch | undefined => {
    if (isUnrecorded() || !Array.isArray(queries) || queries.length === 0) return undefined;
    return { operation: startOperation('database'), count: queries.length };
  });
  const end = guard(PART, ({ operation, count }: RunningBatch, errorType: string | undefined) => {
    if (errorType === INVALID_ARGUMENT) endOperation(operation, '', true, 0);
    else databases.endCommand(operation, BATCH, errorType, 0, count);
  });
  patchPromise(prototype, '_batch', ([queries]) => start(queries), {
    succeed: (batch) => end(batch, undefined),
    fail: (batch, error) => end(batch, getErrorType(error)),
  });
}

/** A failed attempt of the client to connect. Statements that wait for the same attempt are not attempts. */
function patchConnect(prototype: object, databases: DatabaseRecorder): void {
  const start = guard(PART, (client: Client): ConnectAttempt | undefined => {
    const { connected, connecting, isShuttingDown } = client;
    if (connected || connecting || isShuttingDown) return undefined;
    return { operation: startBackgroundOperation('connection'), server: formatServer(client) };
  });
  const fail = guard(PART, ({ operation, server }: ConnectAttempt, error: unknown) => {
    const errorType = getCassandraErrorType(error);
    // The error of the host is shorter. To read the stack of the other one changes what Node.js prints about it.
    const failure = { errorType, error: getHostError(error) ?? error, server };
    databases.endFailedConnect(operation, CASSANDRA, failure);
  });
  patchPromise(prototype, '_connect', (_args, client) => start(client as Client), {
    succeed: ({ operation, server }) => endOperation(operation, server, false),
    fail,
  });
}

interface ConnectAttempt {
  readonly operation: Operation;
  readonly server: string;
}

/** Observes a method that returns a promise. */
function patchPromise<T>(
  prototype: object,
  name: string,
  start: (args: readonly unknown[], self: unknown) => T | undefined,
  {
    succeed,
    fail,
  }: { succeed: (running: T, value: unknown) => void; fail: (running: T, error: unknown) => void },
): void {
  wrapMethod(prototype, name, (original) => {
    return function (this: unknown, ...args: unknown[]) {
      const running = start(args, this);
      const result: unknown = original.apply(this, args);
      if (running === undefined || !types.isPromise(result)) return result;
      return observePromise(
        result,
        (value) => succeed(running, value),
        (error) => fail(running, error),
      );
    };
  });
}

const INVALID_ARGUMENT = 'invalid_argument';

/** Returns the class of an error. The library rejects invalid arguments itself, so there is no statement. */
function getErrorType(error: unknown): string {
  return readErrorProperty(error, 'name') === 'ArgumentError'
    ? INVALID_ARGUMENT
    : getCassandraErrorType(error);
}

/** Returns `host:port/keyspace` of the first contact point, or `host:port` without a keyspace. */
function formatServer({ options, keyspace }: Client): string {
  const point = String(options?.contactPoints?.[0] ?? 'unknown');
  const port = Number(options?.protocolOptions?.port ?? 9042);
  const server = /:\d+$/.test(point) ? point : `${point}:${port}`;
  return typeof keyspace === 'string' && keyspace !== '' ? `${server}/${keyspace}` : server;
}
