import { types } from 'node:util';
import { guard } from '../../../../core/guard.ts';
import { type Operation, startOperation } from '../../context/operations.ts';
import type { Library } from '../../loading/library.ts';
import { type Method, observePromise, wrapMethod } from '../../loading/method-patching.ts';
import type { DatabaseCommand, DatabaseRecorder } from '../database-recorder.ts';
import { getPrismaErrorType, isConnectError } from './prisma-errors.ts';
import { formatPrismaServer, type PrismaEngineConfig } from './prisma-server.ts';

/** What fails, for {@link guard}. */
const PART = 'the Prisma instrumentation';

interface PrismaClient {
  readonly _activeProvider?: string;
  readonly _engineConfig?: PrismaEngineConfig & { readonly adapter?: { adapterName?: string } };
}

interface PrismaExports {
  readonly getPrismaClient?: Method;
}

interface PrismaRequest {
  /** Such as `findMany` or `queryRaw`. */
  readonly action?: string;
  readonly model?: string;
  readonly args?: unknown;
}

/** Values of `db.system.name` that differ from Prisma's name. */
const SYSTEMS: Readonly<Record<string, string>> = { sqlserver: 'microsoft.sql_server' };
/** Adapters whose driver the agent measures, so each of their queries is already recorded. */
const MEASURED_ADAPTERS = new Set(['@prisma/adapter-pg']);
const MAX_KEYS = 12;
/** Files of the package, without their extension. Each can be a CommonJS file and an ES module. */
const RUNTIMES = ['runtime/library', 'runtime/binary', 'runtime/client'];

/**
 * Measures Prisma clients that don't use a driver that is measured itself. The client handles each query of the
 * application as one request. The agent wraps the function that creates the client classes, because the
 * runtime exports no class.
 */
export const PRISMA: Library = {
  name: '@prisma/client',
  category: 'orm',
  versions: { from: '5.0.0', to: 7 },
  measured:
    'With `@prisma/adapter-pg`: each SQL statement, and the pool, through `pg`. With other adapters and with its own engine: each operation, such as `findMany Room {city, status}`, each raw query with its SQL, and failed connections.',
  limits:
    'Without `@prisma/adapter-pg`, an operation counts as one statement even if it runs several, BEGIN and COMMIT are not recorded, and there are no pool metrics. A client that `prisma-client-js` generates into its own `output` contains a copy of the runtime, so it is measured only with `@prisma/adapter-pg`.',
  bundledMessages: ['PrismaClient is unable to run in this browser environment'],
  instrument: ({ databases }) => {
    const patched = new WeakSet<Method>();
    const patch = (exports: unknown) =>
      replaceFactory(exports as PrismaExports, databases, patched);
    const commonjs = {
      names: ['module'],
      patch: ({ module }: Record<string, unknown>) => {
        const file = module as { exports: unknown };
        file.exports = patch(file.exports) ?? file.exports;
      },
    };
    const esModule = {
      names: ['getPrismaClient'],
      patch: (variables: Record<string, unknown>) => {
        const { getPrismaClient } = variables;
        variables.getPrismaClient = wrapFactory(getPrismaClient as Method, databases, patched);
      },
    };
    return {
      patches: Object.fromEntries(RUNTIMES.map((name) => [`${name}.js`, patch])),
      modules: Object.fromEntries(
        RUNTIMES.flatMap((name) => [
          [`${name}.js`, commonjs],
          [`${name}.mjs`, esModule],
        ]),
      ),
    };
  },
};

/**
 * Returns exports whose `getPrismaClient` patches each class that it creates, or undefined if this one does so already.
 * The properties of the original exports can't be changed.
 *
 * @throws TypeError if the function does not exist
 */
function replaceFactory(
  exports: PrismaExports,
  databases: DatabaseRecorder,
  patched: WeakSet<Method>,
): object | undefined {
  const { getPrismaClient } = exports;
  if (getPrismaClient && patched.has(getPrismaClient)) return undefined;
  const factory = wrapFactory(getPrismaClient, databases, patched);
  const descriptors = Object.getOwnPropertyDescriptors(exports) as Record<
    string,
    PropertyDescriptor
  >;
  descriptors.getPrismaClient = {
    get: () => factory,
    enumerable: descriptors.getPrismaClient?.enumerable ?? true,
    configurable: false,
  };
  return Object.create(Object.getPrototypeOf(exports) as object | null, descriptors) as object;
}

/** @throws TypeError if the function does not exist */
function wrapFactory(
  getPrismaClient: Method | undefined,
  databases: DatabaseRecorder,
  patched: WeakSet<Method>,
): Method {
  const factory = { getPrismaClient: getPrismaClient as Method };
  const patchClass = guard(PART, (PrismaClient: { prototype: object }) =>
    observeRequests(PrismaClient.prototype, databases),
  );
  wrapMethod(factory, 'getPrismaClient', (original) => {
    return function getPrismaClient(this: unknown, ...args: unknown[]) {
      const PrismaClient = original.apply(this, args) as { prototype: object };
      patchClass(PrismaClient);
      return PrismaClient;
    };
  });
  patched.add(factory.getPrismaClient);
  return factory.getPrismaClient;
}

function observeRequests(prototype: object, databases: DatabaseRecorder): void {
  const start = guard(
    PART,
    (client: PrismaClient, request: PrismaRequest): StartedRequest | undefined => {
      const { _engineConfig: config, _activeProvider: provider = 'other_sql' } = client;
      const adapterName = config?.adapter?.adapterName;
      if (adapterName !== undefined && MEASURED_ADAPTERS.has(adapterName)) return undefined;
      const system = SYSTEMS[provider] ?? provider;
      const command = toPrismaCommand(system, request, databases);
      const operation = startOperation('database');
      return { operation, command, config };
    },
  );
  const succeed = guard(PART, ({ operation, command }: StartedRequest, result: unknown) =>
    databases.endCommand(operation, command, undefined, Array.isArray(result) ? result.length : 0),
  );
  const fail = guard(PART, (started: StartedRequest, error: unknown) =>
    endFailed(databases, started, error),
  );
  wrapMethod(prototype, '_executeRequest', (original) => {
    return function _executeRequest(this: PrismaClient, ...args: unknown[]) {
      const started = start(this, args[0] as PrismaRequest);
      const result = original.apply(this, args);
      if (!started || !types.isPromise(result)) return result;
      return observePromise(
        result,
        (value) => succeed(started, value),
        (error) => fail(started, error),
      );
    };
  });
}

/** A request to the engine in progress. */
interface StartedRequest {
  readonly operation: Operation;
  readonly command: DatabaseCommand;
  readonly config: PrismaEngineConfig | undefined;
}

function endFailed(
  databases: DatabaseRecorder,
  { operation, command, config }: StartedRequest,
  error: unknown,
): void {
  const errorType = getPrismaErrorType(error);
  if (isConnectError(errorType, error)) {
    const server = formatPrismaServer(config);
    databases.endFailedConnect(operation, command.system, { errorType, error, server });
  } else databases.endCommand(operation, command, errorType);
}

/** Returns an operation without values: the names in its `where`, or the fingerprint of its SQL. */
function toPrismaCommand(
  system: string,
  { action = '_OTHER', model, args }: PrismaRequest,
  databases: DatabaseRecorder,
): DatabaseCommand {
  const sql = action.endsWith('Raw') ? getRawSql(args) : undefined;
  if (sql !== undefined) return { system, ...databases.getFingerprint(sql, system) };
  const name = model === undefined ? action : `${action} ${model}`;
  const { where } = (args ?? {}) as { where?: unknown };
  const keys = typeof where === 'object' && where !== null ? Object.keys(where).sort() : [];
  const shown = keys.length > MAX_KEYS ? [...keys.slice(0, MAX_KEYS), '…'] : keys;
  const text = keys.length > 0 ? `${name} {${shown.join(', ')}}` : name;
  return { system, text, operation: action, table: model };
}

/**
 * Returns the text of a raw query: a tagged template, or an array that starts with the text. The property `text` has
 * PostgreSQL's placeholders for all databases.
 */
function getRawSql(args: unknown): string | undefined {
  const { text, sql } = (args ?? {}) as { text?: unknown; sql?: unknown };
  const raw = sql ?? text ?? (Array.isArray(args) ? (args as unknown[])[0] : undefined);
  return typeof raw === 'string' ? raw : undefined;
}
