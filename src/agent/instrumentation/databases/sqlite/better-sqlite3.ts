import { guard } from '../../../../core/guard.ts';
import type { InstrumentationContext } from '../../instrumentation-context.ts';
import type { Library } from '../../loading/library.ts';
import { type Method, observeMethod } from '../../loading/method-patching.ts';
import { type SqliteReader, SqliteStatements } from './sqlite-statements.ts';

/** What fails, for {@link guard}. */
const PART = 'the better-sqlite3 instrumentation';

/** Methods of the library that use the native connection. */
const CONNECTION_METHODS = ['prepare', 'exec', 'pragma', 'transaction', 'explain'];
const STATEMENT_METHODS = ['run', 'get', 'all', 'iterate'];

/** A native statement. */
interface Statement {
  readonly source: string;
}

/**
 * Measures better-sqlite3. Its native classes are loaded with the first connection, so their prototypes are patched at
 * the first call of a method. Each worker thread has its own prototypes, and its own agent.
 */
export const BETTER_SQLITE3: Library = {
  name: 'better-sqlite3',
  category: 'database',
  versions: { from: '11.0.0', to: 13 },
  measured:
    'Each execution of a statement, each statement of `exec()`, pragmas, and `BEGIN`, `COMMIT`, and savepoints of transactions. Statements that fail to prepare.',
  limits:
    'The duration of `iterate()` ends with its last row, so it includes the time that the application needs for each row. `backup()` is not recorded.',
  bundledMessages: [
    'Cannot open database because the directory does not exist',
    'Transaction function cannot return a promise',
  ],
  instrument: ({ databases }: InstrumentationContext) => {
    const statements = new SqliteStatements(PART, databases);
    return { patches: { 'lib/database.js': (exports) => patchDatabase(exports, statements) } };
  },
};

/** Version 13 exports a function that creates the class. */
function patchDatabase(exports: unknown, statements: SqliteStatements): unknown {
  const { prototype } = exports as { prototype: object };
  if ('prepare' in prototype) {
    patchMethods(prototype, statements);
    return undefined;
  }
  const module = { createDatabase: exports as Method };
  observeMethod(PART, module, 'createDatabase', {
    after: (_, database: { prototype: object }) => patchMethods(database.prototype, statements),
  });
  return module.createDatabase;
}

function patchMethods(prototype: object, statements: SqliteStatements): void {
  for (const name of CONNECTION_METHODS) {
    // Older versions have no `explain`.
    if (!(name in prototype)) continue;
    observeMethod<object>(PART, prototype, name, {
      before: (connection) => patchNativeClasses(statements, connection),
    });
  }
}

/** Patches the classes of an addon. The private property of a connection is a symbol, which has the native connection. */
function patchNativeClasses(statements: SqliteStatements, connection: object): void {
  for (const key of Object.getOwnPropertySymbols(connection)) {
    const native = (connection as Record<symbol, unknown>)[key];
    if (!isNativeConnection(native)) continue;
    const prototype = Object.getPrototypeOf(native) as object;
    if (!statements.isNew(prototype)) return;
    statements.patchTexts(prototype, 'exec');
    statements.patchTexts(prototype, 'prepare', (connection, statement) => {
      const { source } = statement as Statement;
      statements.addText(statement, { text: source, connection });
      const statementPrototype = Object.getPrototypeOf(statement) as object;
      if (statements.isNew(statementPrototype))
        statements.patchStatements(statementPrototype, STATEMENT_METHODS, STATEMENTS);
    });
    return;
  }
}

const STATEMENTS: SqliteReader = {
  getOwner: (statement) => statement,
  read: (statement) => (statement as Statement).source,
};

function isNativeConnection(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { prepare?: unknown }).prepare === 'function'
  );
}
