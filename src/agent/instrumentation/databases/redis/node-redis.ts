import { guard } from '../../../../core/guard.ts';
import { type Operation, startOperation } from '../../context/operations.ts';
import { isUnrecorded } from '../../context/unrecorded-commands.ts';
import type { Library } from '../../loading/library.ts';
import { isThenable, observePromise, wrapMethod } from '../../loading/method-patching.ts';
import { CommandBatch } from '../command-batch.ts';
import type { DatabaseRecorder } from '../database-recorder.ts';
import { patchNodeRedisClient, patchNodeRedisSocket } from './node-redis-connects.ts';
import { patchNodeRedisPool } from './node-redis-pools.ts';
import {
  getRedisCommand,
  isBlockingCommand,
  type RedisCommand,
  readText,
} from './redis-commands.ts';
import { getRedisErrorType } from './redis-errors.ts';

/** What fails, for {@link guard}. */
const PART = 'the node-redis instrumentation';

interface AddOptions {
  /** Same for all commands of a pipeline or transaction. */
  readonly chainId?: symbol;
  /** Whether the command is sent before all others. */
  readonly asap?: boolean;
}

/** A command that was added to the queue. */
interface StartedCommand {
  readonly command: RedisCommand;
  readonly operation: Operation;
  readonly batch: CommandBatch | undefined;
}

/** Commands that the client sends before all others while it connects. */
const HANDSHAKE_COMMANDS = new Set(['AUTH', 'CLIENT', 'HELLO', 'READONLY', 'SELECT']);

/**
 * Measures the package `redis`, which exports `@redis/client` and its modules. All commands of clients, clusters,
 * pools, pipelines, and transactions go through the queue of a client.
 */
export const NODE_REDIS: Library = {
  name: '@redis/client',
  category: 'database',
  versions: { from: '1.0.0', to: 6 },
  measured:
    'Each command of `redis` 4 to 6 by name, failed connections, and the clients of a pool. This includes pipelines, transactions, clusters, and pools. If a command waits for a connection, its duration includes this wait.',
  limits:
    'Blocking commands, such as BLPOP or SUBSCRIBE, are not recorded, because they wait by design. A command that a closed or offline client rejects immediately is not recorded.',
  bundledMessages: ['Disconnects client'],
  instrument: ({ databases, pools }) => ({
    patches: {
      'dist/lib/client/commands-queue.js': (exports) => patchQueue(exports, databases),
      'dist/lib/client/socket.js': (exports) => patchNodeRedisSocket(exports, databases),
      'dist/lib/client/index.js': patchNodeRedisClient,
      'dist/lib/client/pool.js': (exports) => patchNodeRedisPool(exports, pools, databases),
    },
  }),
};

function patchQueue(exports: unknown, databases: DatabaseRecorder): void {
  /** The commands of a chain are added one after the other. */
  let lastBatch: { readonly chainId: symbol; readonly batch: CommandBatch } | undefined;

  const getBatch = (chainId: symbol): CommandBatch => {
    if (lastBatch?.chainId === chainId && !lastBatch.batch.operation.ended) return lastBatch.batch;
    const batch = new CommandBatch(databases, startOperation('database'));
    lastBatch = { chainId, batch };
    return batch;
  };

  const start = guard(
    PART,
    (args: readonly unknown[], options?: AddOptions): StartedCommand | undefined => {
      if (isUnrecorded() || !Array.isArray(args)) return undefined;
      const name = readText(args[0]);
      // The library rejects a command without a name.
      if (name === undefined) return undefined;
      const command = getRedisCommand(name);
      if (isBlockingCommand(command, args) || isOwnCommand(command.text, args, options)) {
        return undefined;
      }
      const { chainId } = options ?? {};
      const batch = chainId === undefined ? undefined : getBatch(chainId);
      batch?.add();
      const operation = batch?.operation ?? startOperation('database');
      return { command, operation, batch };
    },
  );
  const end = guard(PART, (started: StartedCommand, isRejected: boolean, error?: unknown) => {
    const { command, operation, batch } = started;
    const errorType = isRejected ? getRedisErrorType(error) : undefined;
    if (batch) batch.end(command, errorType);
    else databases.endCommand(operation, command, errorType);
  });

  const { prototype } = (exports as { default: { prototype: object } }).default;
  wrapMethod(prototype, 'addCommand', (original) => {
    return function addCommand(this: unknown, ...args: unknown[]) {
      const started = start(args[0] as unknown[], args[1] as AddOptions | undefined);
      const result = original.apply(this, args);
      // The application can replace `Promise` by another implementation.
      if (started === undefined || !isThenable(result)) return result;
      return observePromise(
        result,
        () => end(started, false),
        (error) => end(started, true, error),
      );
    };
  });
}

/** Whether the driver sends this command itself, while it connects or to find the nodes of a cluster. */
function isOwnCommand(name: string, args: readonly unknown[], options?: AddOptions): boolean {
  if (options?.asap === true && HANDSHAKE_COMMANDS.has(name)) return true;
  return name === 'ASKING' || (name === 'CLUSTER' && args[1] === 'SLOTS');
}
