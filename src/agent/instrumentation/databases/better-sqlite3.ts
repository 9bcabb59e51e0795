import { guard } from '../../../core/guard.ts';
import type { InstrumentationContext } from '../instrumentation-context.ts';
import type { Library } from '../loading/library.ts';
import { observeMethod } from '../loading/method-patching.ts';
import { SqliteStatements } from './sqlite-statements.ts';

/** What fails, for {@link guard}. */
const PART = 'the better-sqlite3 instrumentation';

/** Methods of the library that use the native connection. */
const CONNECTION_METHODS = ['prepare', 'exec', 'pragma', 'transaction'];
const STATEMENT_METHODS = ['run', 'get', 'all', 'iterate'];

/** A native statement. */
interface Statement {
  readonly source: string;
  readonly database: object;
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
    const patchDatabase = (database: { prototype: object }) => {
      for (const name of CONNECTION_METHODS) {
        observeMethod<object>(PART, database.prototype, name, {
          before: (connection) => patchNativeClasses(statements, connection),
        });
      }
    };
    return {
      patches: {
        '': (exports) => patchDatabase(exports as { prototype: object }),
        'lib/index.js': (exports) => patchDatabase(exports as { prototype: object }),
      },
    };
  },
};

/** Patches the classes of an addon. The private property of a connection is a symbol, which has the native connection. */
function patchNativeClasses(statements: SqliteStatements, connection: object): void {
  for (const key of Object.getOwnPropertySymbols(connection)) {
    const native = (connection as Record<symbol, unknown>)[key];
    if (!isNativeConnection(native)) continue;
    const prototype = Object.getPrototypeOf(native) as object;
    if (!statements.isNew(prototype)) return;
    statements.patchTexts(prototype, 'exec');
    statements.patchTexts(prototype, 'prepare', (_native, statement) => {
      const statementPrototype = Object.getPrototypeOf(statement) as object;
      if (!statements.isNew(statementPrototype)) return;
      statements.patchStatements(statementPrototype, STATEMENT_METHODS, (self) => {
        const { source, database } = self as Statement;
        return { text: source, connection: database };
      });
    });
    return;
  }
}

function isNativeConnection(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { prepare?: unknown }).prepare === 'function'
  );
}
