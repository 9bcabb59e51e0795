import { guard } from '../../../../core/guard.ts';
import {
  endOperation,
  type Operation,
  startInnerOperation,
  startOperation,
} from '../../context/operations.ts';
import { bindCallback } from '../../context/tenant-context.ts';
import type { InstrumentationContext } from '../../instrumentation-context.ts';
import { ExistingObject } from '../../loading/hidden-property.ts';
import type { Library, LibraryHooks } from '../../loading/library.ts';
import { observeMethod, wrapMethod } from '../../loading/method-patching.ts';
import type { DatabaseRecorder } from '../database-recorder.ts';
import { getDatabaseErrorType, readErrorProperty } from '../error-types.ts';
import { createSentStatement, type SentStatement } from '../statement-parts.ts';
import {
  formatMysqlServer,
  isPoolConnecting,
  MYSQL,
  type MysqlAddress,
  patchMysqlPool,
} from './mysql2-pools.ts';

/** What fails, for {@link guard}. */
const PART = 'the MySQL instrumentation';

/**
 * Measures `mysql2`, also its promises, pools, and streams.
 *
 * The library publishes statements on diagnostics channels, but a subscriber changes what happens to an error that the
 * application doesn't handle. Each statement is a command object, which emits `end` or `error`, or calls its callback
 * with an error. These calls are observed, so that promises, callbacks, and events are unchanged.
 */
export const MYSQL2: Library = {
  name: 'mysql2',
  category: 'database',
  versions: { from: '2.0.0', to: 3 },
  measured:
    'Statements, prepared statements, streams, transactions, failed connections, and pools. Each `prepare()` call is ' +
    'recorded as one `PREPARE`, and each execution as one statement.',
  limits: 'The package `mysql` is not measured.',
  bundledMessages: ["Can't add new command when connection is in closed state"],
  instrument: ({ databases, pools }: InstrumentationContext) =>
    instrumentConnections(databases, (exports) => patchMysqlPool(exports, pools, databases)),
};

/** A command in the queue of a connection. */
interface MysqlCommand {
  constructor: { name: string };
  onResult?: unknown;
  /** Text of a query, with the values. */
  sql?: unknown;
  /** Text of a prepared statement. */
  query?: unknown;
  statement?: { query?: unknown };
  /** Arguments of a query. */
  values?: unknown;
  /** Arguments of a prepared statement. */
  parameters?: unknown;
  /** Rows of each result, unless the application receives them one by one. */
  _rows?: readonly unknown[];
  /** Index of the current result. */
  _resultIndex?: number;
}

interface CommandQueue {
  readonly length: number;
  get: (index: number) => MysqlCommand | undefined;
}

interface MysqlConnection {
  config: MysqlAddress;
  _fatalError?: unknown;
  _command?: MysqlCommand | null;
  _commands: CommandQueue;
}

/** What a command does. `execute()` sends a command that prepares the statement, and one that runs it. */
type CommandKind = 'statement' | 'prepare' | 'prepare to execute' | 'connect';

interface RunningCommand {
  readonly kind: CommandKind;
  readonly statement: SentStatement;
  /** `host:port/database` of a connection attempt. */
  readonly server: string;
}

/** Field of a command that stores what it does. */
class RunningCommandField extends ExistingObject {
  #running: RunningCommand;

  private constructor(command: object, running: RunningCommand) {
    super(command);
    this.#running = running;
  }

  static get(command: object): RunningCommand | undefined {
    return #running in command ? command.#running : undefined;
  }

  static set(command: object, running: RunningCommand): void {
    if (#running in command) command.#running = running;
    else new RunningCommandField(command, running);
  }
}

/** Error of a command on a closed connection. The package `mysql` uses the same code. */
const CONNECTION_CLOSED = { code: 'PROTOCOL_ENQUEUE_AFTER_QUIT' };
const PREPARE = { system: MYSQL, text: 'PREPARE', operation: 'PREPARE', table: undefined };

function instrumentConnections(
  databases: DatabaseRecorder,
  patchPool: (exports: unknown) => void,
): LibraryHooks {
  /** The current synchronous call of `query`, and its text without the values. */
  let currentQuery: { template: string | undefined } | undefined;
  /** The current synchronous call of `execute`, and its statement. */
  let currentExecution: { statement: SentStatement | undefined } | undefined;

  const endCommand = (command: object, error: unknown) => {
    const running = RunningCommandField.get(command);
    if (!running || running.statement.operation.ended) return;
    const { kind, statement, server } = running;
    const { operation } = statement;
    if (kind === 'connect') endConnect(operation, server, error);
    else if (error !== undefined) {
      statement.completed = (command as MysqlCommand)._resultIndex ?? 0;
      databases.endStatements(statement, toMysqlError(error));
    } else if (kind === 'prepare') databases.endCommand(operation, PREPARE, undefined);
    else if (kind === 'statement') {
      const { _resultIndex = 0, _rows, values, parameters } = command as MysqlCommand;
      statement.completed = _resultIndex + 1;
      statement.values = parameters ?? values;
      const rows = _rows?.[0];
      if (Array.isArray(rows)) statement.returnedRows = rows.length;
      databases.endStatements(statement, undefined);
    }
  };

  const endConnect = (operation: Operation, server: string, error: unknown) => {
    if (error === undefined) return endOperation(operation, server, false);
    const errorType = getConnectErrorType(error);
    databases.endFailedConnect(operation, MYSQL, { errorType, error, server });
  };

  const onError = guard(PART, endCommand);

  const observeCallback = (command: MysqlCommand) => {
    if (typeof command.onResult !== 'function') return;
    const callback = bindCallback([command.onResult], 0)[0] as (...results: unknown[]) => unknown;
    command.onResult = function (this: unknown, ...results: unknown[]) {
      if (results[0]) onError(command, results[0]);
      return callback.apply(this, results);
    };
  };

  const startStatement = (connection: object, text: unknown): SentStatement =>
    createSentStatement(
      startOperation('database'),
      MYSQL,
      typeof text === 'string' ? text : '',
      connection,
    );

  const startRunning = (
    connection: MysqlConnection,
    command: MysqlCommand,
  ): RunningCommand | undefined => {
    switch (command.constructor.name) {
      case 'Query': {
        const statement = startStatement(connection, currentQuery?.template ?? command.sql);
        return { kind: 'statement', statement, server: '' };
      }
      case 'Execute': {
        const statement =
          currentExecution?.statement ??
          startStatement(connection, command.sql ?? command.statement?.query);
        return { kind: 'statement', statement, server: '' };
      }
      case 'Prepare': {
        const statement = startStatement(connection, command.query);
        if (currentExecution) currentExecution.statement = statement;
        const kind = currentExecution ? 'prepare to execute' : 'prepare';
        return { kind, statement, server: '' };
      }
      case 'ClientHandshake': {
        const operation = isPoolConnecting()
          ? startInnerOperation('connection')
          : startOperation('connection');
        const statement = createSentStatement(operation, MYSQL, '', undefined);
        return { kind: 'connect', statement, server: formatMysqlServer(connection.config) };
      }
      default:
        return undefined;
    }
  };

  const startCommand = (connection: MysqlConnection, command: MysqlCommand) => {
    const running = startRunning(connection, command);
    if (!running) return;
    RunningCommandField.set(command, running);
    observeCallback(command);
  };

  /** Ends all commands of a connection that failed. The connection calls their callbacks without an event. */
  const endAllCommands = (
    { _command, _commands, _fatalError }: MysqlConnection,
    error: unknown,
  ) => {
    if (_fatalError) return;
    if (_command) endCommand(_command, error ?? 'unknown');
    for (let i = 0; i < _commands.length; i++) {
      const command = _commands.get(i);
      if (command) endCommand(command, error ?? 'unknown');
    }
  };

  /**
   * Called when the library inserts the values. Only the library reads the options of the application, because they can
   * have getters.
   */
  const keepTemplate = (text: unknown) => {
    if (currentQuery === undefined || currentQuery.template !== undefined) return;
    // `??` is a placeholder for a name, which is in the text of the command.
    if (typeof text === 'string' && !text.includes('??')) currentQuery.template = text;
  };

  const patchConnection = (exports: unknown) => {
    const { prototype } = exports as { prototype: object };
    // Newer versions have these methods in another file.
    if (!Object.hasOwn(prototype, 'addCommand')) return;
    wrapMethod(prototype, 'query', (original) => {
      return function query(this: MysqlConnection, ...args: unknown[]) {
        const outer = currentQuery;
        currentQuery = { template: undefined };
        try {
          return original.apply(this, args);
        } finally {
          currentQuery = outer;
        }
      };
    });
    observeMethod<MysqlConnection>(PART, prototype, 'format', {
      before: (_connection, [text]) => keepTemplate(text),
    });
    wrapMethod(prototype, 'execute', (original) => {
      return function execute(this: MysqlConnection, ...args: unknown[]) {
        const outer = currentExecution;
        currentExecution = { statement: undefined };
        try {
          return original.apply(this, args);
        } finally {
          currentExecution = outer;
        }
      };
    });
    observeMethod<MysqlConnection>(PART, prototype, 'addCommand', {
      before: (connection, [command]) => startCommand(connection, command as MysqlCommand),
    });
    observeMethod<MysqlConnection>(PART, prototype, '_addCommandClosedState', {
      before: (connection, [command]) => {
        startCommand(connection, command as MysqlCommand);
        endCommand(command as MysqlCommand, CONNECTION_CLOSED);
      },
    });
    observeMethod<MysqlConnection>(PART, prototype, '_notifyError', {
      before: (connection, [error]) => endAllCommands(connection, error),
    });
  };

  const patchCommand = (exports: unknown) => {
    const { prototype } = exports as { prototype: object };
    observeMethod<MysqlCommand>(PART, prototype, 'emit', {
      before: (command, [event, error]) => {
        if (event === 'end') endCommand(command, undefined);
        else if (event === 'error') endCommand(command, error ?? 'unknown');
      },
    });
  };

  return {
    patches: {
      'lib/commands/command.js': patchCommand,
      'lib/connection.js': patchConnection,
      'lib/base/connection.js': patchConnection,
      'lib/pool.js': patchPool,
      'lib/base/pool.js': patchPool,
    },
  };
}

/** Returns an error with a code. The library knows no name for some error numbers of MariaDB. */
function toMysqlError(error: unknown): unknown {
  const code = readErrorProperty(error, 'code');
  const errno = readErrorProperty(error, 'errno');
  return typeof code !== 'string' && typeof errno === 'number' ? { code: `${errno}` } : error;
}

function getConnectErrorType(error: unknown): string {
  // The library's own timer. It also sets the code of this error.
  const isTimeout = readErrorProperty(error, 'errorno') === 'ETIMEDOUT';
  return isTimeout ? 'timeout' : getDatabaseErrorType(toMysqlError(error));
}
