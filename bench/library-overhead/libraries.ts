import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { runInNewContext } from 'node:vm';

/** How the library of a definition is measured. */
interface LibrarySetup {
  /** Folder in `test/libraries` with the newest version. */
  readonly folder: string;
  /** Whether dd-trace measures the library. */
  readonly isInDdTrace: boolean;
}

const inServers = { folder: 'servers-2', isInDdTrace: true };
const inDatabases = { folder: 'databases-2', isInDdTrace: true };
const inQueues = { folder: 'queues-2', isInDdTrace: true };
const withoutDdTrace = (setup: LibrarySetup) => ({ ...setup, isInDdTrace: false });

/** The libraries by the name of their definition. The documentation of dd-trace 6.21 lists the libraries that it measures. */
const LIBRARIES: Readonly<Record<string, LibrarySetup>> = {
  ioredis: { folder: 'ioredis-6', isInDdTrace: true },
  'traced-function': { folder: 'servers-2', isInDdTrace: true },

  hapi: inServers,
  h3: withoutDdTrace(inServers),
  'apollo-server': inServers,
  'graphql-yoga': { folder: 'graphql-17', isInDdTrace: true },
  graphql: inServers,
  trpc: withoutDdTrace(inServers),
  grpc: inServers,
  ws: inServers,
  'socket-io': withoutDdTrace(inServers),

  'better-sqlite3': withoutDdTrace(inDatabases),
  'node-sqlite': withoutDdTrace(inDatabases),
  cassandra: inDatabases,
  elasticsearch: inDatabases,
  clickhouse: withoutDdTrace(inDatabases),
  memcached: inDatabases,

  bullmq: inQueues,
  bull: withoutDdTrace(inQueues),
  'bee-queue': withoutDdTrace(inQueues),
  'pg-boss': withoutDdTrace(inQueues),
  agenda: withoutDdTrace(inQueues),
  amqplib: inQueues,
  kafkajs: inQueues,
  sqs: inQueues,
};

/** A definition in this folder. */
export interface LibraryDefinition extends LibrarySetup {
  readonly name: string;
  /** A copy of the definition's file, in a folder from which its packages are found. */
  readonly file: string;
  readonly servers: readonly string[];
  readonly kind: 'client' | 'http' | 'protocol';
  /** Path of the requests to an HTTP server. */
  readonly path: string;
}

const FOLDER = 'bench/library-overhead';

/** Returns the names of all definitions. */
export function listDefinitions(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.cjs'))
    .map((file) => basename(file, '.cjs'))
    .toSorted();
}

/**
 * Loads a definition.
 *
 * @throws Error if it doesn't exist, or its library isn't in `test/libraries`
 */
export function loadDefinition(name: string): LibraryDefinition {
  const source = join(FOLDER, `${name}.cjs`);
  if (!existsSync(source)) {
    throw new Error(`Unknown library ${name}. Known libraries: ${listDefinitions().join(', ')}`);
  }
  const { servers = [], path = '/', listen, client } = readDefinition(source);
  const setup = Object.hasOwn(LIBRARIES, name) ? LIBRARIES[name]! : findSetup(name);
  const kind = client ? 'protocol' : listen ? 'http' : 'client';
  return { ...setup, name, servers, path, kind, file: resolve(source) };
}

interface Definition {
  readonly servers?: readonly string[];
  readonly path?: string;
  readonly listen?: unknown;
  readonly client?: unknown;
}

/** Replaces each value of a library. */
const ANY_VALUE: unknown = new Proxy(function anyValue() {}, {
  get: (_, key) => (key === Symbol.toPrimitive ? () => '' : ANY_VALUE),
  apply: () => ANY_VALUE,
  construct: () => ANY_VALUE as object,
});

/** Reads a definition without its library, which only the measured process can load. */
function readDefinition(file: string): Definition {
  const module = { exports: {} };
  const values = { module, require: () => ANY_VALUE, process, Buffer };
  runInNewContext(readFileSync(file, 'utf8'), values, { filename: file });
  return module.exports;
}

/** Finds the library in the folders with the newest versions, if the table doesn't contain it. */
function findSetup(name: string): LibrarySetup {
  const folder = [inServers, inDatabases, inQueues].find((each) => {
    const text = readFileSync(`test/libraries/${each.folder}/package.json`, 'utf8');
    const { dependencies } = JSON.parse(text) as { dependencies: Record<string, string> };
    return Object.hasOwn(dependencies, name);
  });
  if (!folder) throw new Error(`Add ${name} to LIBRARIES in ${FOLDER}/libraries.ts`);
  return withoutDdTrace(folder);
}
