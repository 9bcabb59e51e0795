import { types } from 'node:util';
import { guard } from '../../../core/guard.ts';
import { endOperation, startOperation } from '../context/operations.ts';
import { isUnrecorded, runUnrecorded } from '../context/unrecorded-commands.ts';
import type { InstrumentationContext } from '../instrumentation-context.ts';
import type { FilePatch, Library } from '../loading/library.ts';
import { observePromise, wrapMethod } from '../loading/method-patching.ts';
import type { DatabaseCommand, DatabaseRecorder } from './database-recorder.ts';
import { getDatabaseErrorType, neverThrow } from './error-types.ts';
import { createSentStatement, type SentStatement } from './statement-parts.ts';

/** What fails, for {@link guard}. */
const PART = 'the ClickHouse instrumentation';
/** Value of `db.system.name`. */
const CLICKHOUSE = 'clickhouse';

const PING: DatabaseCommand = {
  system: CLICKHOUSE,
  text: 'PING',
  operation: 'PING',
  table: undefined,
};

/** Measures the ClickHouse client. Its newer versions contain the package `@clickhouse/client-common`. */
export const CLICKHOUSE_CLIENT: Library = {
  name: '@clickhouse/client',
  category: 'database',
  versions: { from: '0.2.0', to: 1 },
  measured:
    '`query()`, `command()`, and `exec()` with the statement, `insert()` with the table, and `ping()`. Requests are not counted as outgoing calls.',
  limits:
    'The duration ends when the response starts, so the time to read a result is not included. `@clickhouse/client-web` is not measured.',
  bundledMessages: ['Stream has been already consumed'],
  instrument: ({ databases }: InstrumentationContext) => ({
    patches: {
      'dist/common/client.js': createClientPatch(databases),
      ...Object.fromEntries(
        CONNECTIONS.map(({ file, name }) => [
          `dist/connection/${file}.js`,
          (exports: unknown) =>
            patchRequests((exports as Record<string, { prototype: object }>)[name]!.prototype),
        ]),
      ),
    },
  }),
};

/** The client of older versions. */
export const CLICKHOUSE_COMMON: Library = {
  name: '@clickhouse/client-common',
  category: 'database',
  partOf: '@clickhouse/client',
  versions: { from: '0.2.0', to: 1 },
  measured: 'Older versions of the client.',
  instrument: ({ databases }: InstrumentationContext) => ({
    patches: { 'dist/client.js': createClientPatch(databases) },
  }),
};

const CONNECTIONS = [
  { file: 'node_http_connection', name: 'NodeHttpConnection' },
  { file: 'node_https_connection', name: 'NodeHttpsConnection' },
  { file: 'node_custom_agent_connection', name: 'NodeCustomAgentConnection' },
];

/** The requests of the client aren't outgoing calls of the application. */
function patchRequests(prototype: object): void {
  wrapMethod(prototype, 'createClientRequest', (original) => {
    return function createClientRequest(this: unknown, ...args: unknown[]) {
      return runUnrecorded(() => original.apply(this, args));
    };
  });
}

/** In older versions, `command` calls `exec`. */
let isInnerCall = false;

function createClientPatch(databases: DatabaseRecorder): FilePatch {
  return (exports) => {
    const { prototype } = (exports as { ClickHouseClient: { prototype: object } }).ClickHouseClient;
    for (const name of ['query', 'command', 'exec', 'insert', 'ping'])
      patchMethod(prototype, name, databases);
  };
}

function patchMethod(prototype: object, name: string, databases: DatabaseRecorder): void {
  const start = guard(PART, (params: unknown): SentStatement | undefined => {
    if (isInnerCall || isUnrecorded()) return undefined;
    const text = readStatement(name, params);
    if (text === undefined) return undefined;
    return createSentStatement(startOperation('database'), CLICKHOUSE, text, undefined);
  });
  const end = guard(PART, (statement: SentStatement, errorType: string | undefined) => {
    const { text, operation } = statement;
    if (name === 'ping') databases.endCommand(operation, PING, errorType);
    else databases.endStatement(statement, databases.getFingerprint(text, CLICKHOUSE), errorType);
  });
  const succeed = guard(PART, (statement: SentStatement, result: unknown) => {
    const outcome = readOutcome(result);
    // An insert of no rows isn't sent.
    if (outcome === 'unsent') endOperation(statement.operation, '', false, 0);
    else end(statement, outcome);
  });
  wrapMethod(prototype, name, (original) => {
    return function (this: unknown, ...args: unknown[]) {
      const statement = start(args[0]);
      const outer = isInnerCall;
      isInnerCall = true;
      let result: unknown;
      try {
        result = original.apply(this, args);
      } finally {
        isInnerCall = outer;
      }
      if (statement === undefined || !types.isPromise(result)) return result;
      return observePromise(
        result,
        (value) => succeed(statement, value),
        (error) => end(statement, getClickhouseErrorType(error)),
      );
    };
  });
}

/** Returns the statement of a call, or undefined if the library rejects its parameters. */
function readStatement(method: string, params: unknown): string | undefined {
  if (method === 'ping') return '';
  const { query, table } = (params ?? {}) as { query?: unknown; table?: unknown };
  if (method === 'insert') return typeof table === 'string' ? `INSERT INTO ${table}` : undefined;
  return typeof query === 'string' ? query : undefined;
}

/** Returns the class of the error of a result, `unsent`, or undefined for a success. `ping` returns its errors. */
function readOutcome(result: unknown): string | undefined {
  const { executed, success, error } = (result ?? {}) as {
    executed?: unknown;
    success?: unknown;
    error?: unknown;
  };
  if (executed === false) return 'unsent';
  return success === false ? getClickhouseErrorType(error) : undefined;
}

/** Messages of the library, whose errors have no code. */
const MESSAGE_TYPES: Readonly<Record<string, string>> = {
  'Timeout error.': 'timeout',
  'The user aborted a request.': 'aborted',
};

/** Returns the name of the server's error, such as `UNKNOWN_TABLE`, its number, or the code of the operating system. */
const getClickhouseErrorType = neverThrow((error) => {
  const { type, code, message } = (error ?? {}) as Record<string, unknown>;
  if (typeof type === 'string' && /^[A-Z][A-Z0-9_]{1,60}$/.test(type)) return type;
  if (typeof code === 'string' && /^\d{1,6}$/.test(code)) return `code_${code}`;
  const [, number] = typeof message === 'string' ? (/^Code: (\d{1,6})\b/.exec(message) ?? []) : [];
  if (number !== undefined) return `code_${number}`;
  const known = Object.hasOwn(MESSAGE_TYPES, String(message)) ? String(message) : undefined;
  return known === undefined ? getDatabaseErrorType(error) : MESSAGE_TYPES[known]!;
});
