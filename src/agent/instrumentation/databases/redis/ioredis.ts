import { guard } from '../../../../core/guard.ts';
import { type Operation, startOperation } from '../../context/operations.ts';
import {
  isUnrecorded,
  QueueKeysField,
  QueueOwnedField,
} from '../../context/unrecorded-commands.ts';
import { ExistingObject } from '../../loading/hidden-property.ts';
import type { Library, LibraryHooks } from '../../loading/library.ts';
import { observeMethod, wrapMethod } from '../../loading/method-patching.ts';
import { CommandBatch } from '../command-batch.ts';
import type { DatabaseRecorder } from '../database-recorder.ts';
import { patchIoredisConnects } from './ioredis-connects.ts';
import { getRedisCommand, isBlockingCommand } from './redis-commands.ts';
import { getRedisErrorType } from './redis-errors.ts';

/** What fails, for {@link guard}. */
const PART = 'the ioredis instrumentation';

type Settle = (this: unknown, value: unknown) => unknown;

interface Command {
  name: string;
  args: readonly unknown[];
  resolve: Settle;
  reject: Settle;
}

interface Client {
  status?: string;
  isCluster?: boolean;
  condition?: { handshake?: boolean };
  options?: object;
}

/** Replaces the socket for the commands of a pipeline. */
interface PipelineStream {
  isPipeline?: boolean;
}

interface Pipeline {
  redis: Client;
  _queue?: readonly Command[];
}

/** Field of a command that stores its running operation. */
class OperationField extends ExistingObject {
  #operation: Operation;

  private constructor(command: object, operation: Operation) {
    super(command);
    this.#operation = operation;
  }

  static isRunning(command: object): boolean {
    return #operation in command && !command.#operation.ended;
  }

  static set(command: object, operation: Operation): void {
    if (#operation in command) command.#operation = operation;
    else new OperationField(command, operation);
  }
}

/** Field of a pipeline's stream that stores its commands. */
class BatchField extends ExistingObject {
  #batch: CommandBatch;

  private constructor(stream: object, batch: CommandBatch) {
    super(stream);
    this.#batch = batch;
  }

  static get(stream: object): CommandBatch | undefined {
    return #batch in stream && !stream.#batch.operation.ended ? stream.#batch : undefined;
  }

  static set(stream: object, batch: CommandBatch): void {
    if (#batch in stream) stream.#batch = batch;
    else new BatchField(stream, batch);
  }
}

/** Commands that ioredis sends while it connects. */
const HANDSHAKE_COMMANDS = new Set(['auth', 'client', 'hello', 'info', 'readonly', 'select']);
/** Commands that a cluster or Sentinel client sends to a single server. */
const TOPOLOGY_COMMANDS = new Set(['asking', 'cluster', 'sentinel']);

/**
 * Measures ioredis. A subscriber to ioredis' own channels would hide unhandled rejections of the application, so
 * `sendCommand` is patched, for clients and clusters. The end of a command is a call of its `resolve` or
 * `reject`, which also runs for pipelines and callbacks. Promises are unchanged.
 */
export const IOREDIS: Library = {
  name: 'ioredis',
  category: 'database',
  versions: { from: '5.0.0', to: 6 },
  measured:
    'Each command by name, and failed connections. This includes pipelines, transactions, clusters, Sentinel, and auto-pipelining. If a command waits for a connection, its duration includes this wait.',
  limits:
    'Blocking commands, such as BLPOP or SUBSCRIBE, are not recorded, because they wait by design. Commands that a queue library sends are part of its queue operations.',
  bundledMessages: ['[ioredis] Unhandled error event:'],
  instrument: ({ databases }) => instrumentIoredis(databases),
};

function instrumentIoredis(databases: DatabaseRecorder): LibraryHooks {
  /** Whether ioredis is sending its own commands. */
  let isHandshake = false;
  /** Key of a pipeline that ioredis created for commands of the same tick. */
  let autoPipelineKey: symbol | undefined;

  const end = guard(
    PART,
    (command: Command, operation: Operation, batch: CommandBatch | undefined, error: unknown) => {
      // A script is first sent as EVAL, so its name can change.
      const redisCommand = getRedisCommand(command.name);
      const errorType = error === undefined ? undefined : getRedisErrorType(error);
      if (batch) batch.end(redisCommand, errorType);
      else databases.endCommand(operation, redisCommand, errorType);
    },
  );

  const observe = (command: Command, operation: Operation, batch: CommandBatch | undefined) => {
    OperationField.set(command, operation);
    batch?.add();
    const { resolve, reject } = command;
    let hasEnded = false;
    command.resolve = function (value) {
      if (!hasEnded) {
        hasEnded = true;
        end(command, operation, batch, undefined);
      }
      return resolve.call(this, value);
    };
    command.reject = function (error) {
      if (!hasEnded) {
        hasEnded = true;
        end(command, operation, batch, error ?? 'unknown');
      }
      return reject.call(this, error);
    };
  };

  const getBatch = (stream: PipelineStream): CommandBatch => {
    const running = BatchField.get(stream);
    if (running) return running;
    const batch = new CommandBatch(databases, startOperation('database'));
    BatchField.set(stream, batch);
    return batch;
  };

  const isOwned = (client: Client, command: Command): boolean =>
    isUnrecorded() ||
    QueueOwnedField.has(command.constructor) ||
    QueueOwnedField.has(client.options) ||
    QueueKeysField.hasKey(client.options, getFirstKey(command));

  const isRecorded = (client: Client, command: Command): boolean => {
    if (isHandshake || QueueOwnedField.has(command)) return false;
    if (isOwned(client, command)) {
      // It is sent again after a reconnect, and a cluster sends it with another client.
      QueueOwnedField.set(command);
      return false;
    }
    // Clusters call `sendCommand` of their clients, and a client calls it again after a reconnect.
    if (OperationField.isRunning(command)) return false;
    if (isBlockingCommand(getRedisCommand(command.name), command.args)) return false;
    if (client.isCluster === true) return true;
    return !TOPOLOGY_COMMANDS.has(command.name) && !isLateHandshake(client, command);
  };

  const start = guard(PART, (client: Client, command: Command, stream?: PipelineStream) => {
    // The library rejects a command whose name isn't text.
    if (typeof command.name !== 'string' || !isRecorded(client, command)) return;
    if (stream?.isPipeline !== true) return observe(command, startOperation('database'), undefined);
    const batch = getBatch(stream);
    observe(command, batch.operation, batch);
  });

  const patchSendCommand = (prototype: object) => {
    wrapMethod(prototype, 'sendCommand', (original) => {
      return function sendCommand(this: Client, ...args: unknown[]) {
        start(this, args[0] as Command, args[1] as PipelineStream | undefined);
        return original.apply(this, args);
      };
    });
  };

  /** Patches a method whose commands are ioredis' own, except commands that were already started. */
  const patchHandshake = (target: object, name: string) => {
    wrapMethod(target, name, (original) => {
      return function (this: unknown, ...args: unknown[]) {
        const outer = isHandshake;
        isHandshake = true;
        try {
          return original.apply(this, args);
        } finally {
          isHandshake = outer;
        }
      };
    });
  };

  const patchEventHandlers = (exports: unknown) => {
    for (const name of ['connectHandler', 'readyHandler']) {
      wrapMethod(exports as object, name, (original) => {
        return function (this: unknown, ...args: unknown[]) {
          const handler = { run: original.apply(this, args) as () => unknown };
          patchHandshake(handler, 'run');
          return handler.run;
        };
      });
    }
  };

  const patchPipeline = (exports: unknown) => {
    const { prototype } = (exports as { default: { prototype: object } }).default;
    // The commands of an auto-pipeline come from several requests, so each starts when it is added.
    observeMethod<Pipeline>(PART, prototype, 'sendCommand', {
      before: (pipeline, [command]) => {
        if (autoPipelineKey !== undefined && autoPipelineKey in pipeline)
          start(pipeline.redis, command as Command);
      },
    });
    observeMethod<Pipeline>(PART, prototype, 'exec', {
      before: ({ _queue: commands, redis }) => {
        if (commands?.[0]?.name !== 'multi') return;
        const isEnd = ({ name }: Command) => name === 'multi' || name === 'exec';
        const inner = commands.filter((command) => !isEnd(command));
        // MULTI and EXEC belong to the queue library if all commands between them do.
        if (inner.length === 0 || !inner.every((command) => isOwned(redis, command))) return;
        for (const command of commands) QueueOwnedField.set(command);
      },
    });
  };

  const getPrototype = (exports: unknown) =>
    (exports as { default: { prototype: object } }).default.prototype;
  return {
    patches: {
      'built/Redis.js': (exports) => {
        const prototype = getPrototype(exports);
        patchSendCommand(prototype);
        patchHandshake(prototype, '_readyCheck');
        patchIoredisConnects(prototype, databases);
      },
      'built/cluster/index.js': (exports) => patchSendCommand(getPrototype(exports)),
      'built/redis/event_handler.js': patchEventHandlers,
      'built/Pipeline.js': patchPipeline,
      'built/autoPipelining.js': (exports) => {
        autoPipelineKey = (exports as { kExec?: symbol }).kExec;
      },
    },
  };
}

/** Returns the first key or channel of a command. Before the keys of a script, there are the script and their number. */
function getFirstKey({ name, args }: Command): unknown {
  return name === 'evalsha' || name === 'eval' ? args[2] : args[0];
}

/**
 * Returns whether a command belongs to a handshake, although it is sent later. Version 5 reads its number from a file
 * before it sends the number. Version 6 repeats its handshake if the server doesn't support RESP3.
 */
function isLateHandshake({ status, condition }: Client, { name, args }: Command): boolean {
  if (name === 'client' && args[0] === 'SETINFO' && args[1] === 'LIB-VER') return true;
  return status === 'connect' && condition?.handshake === true && HANDSHAKE_COMMANDS.has(name);
}
