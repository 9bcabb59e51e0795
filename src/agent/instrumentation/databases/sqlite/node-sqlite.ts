import type { InstrumentationContext } from '../../instrumentation-context.ts';
import type { Library } from '../../loading/library.ts';
import { observeMethod } from '../../loading/method-patching.ts';
import { type SqliteReader, SqliteStatements } from './sqlite-statements.ts';

/** What fails, for `guard`. */
const PART = 'the instrumentation of node:sqlite';

const STATEMENT_METHODS = ['run', 'get', 'all', 'iterate'];

interface Statement {
  /** Undefined after the statement is finalized. */
  readonly sourceSQL: string | undefined;
}

interface SqliteModule {
  readonly DatabaseSync: { readonly prototype: object };
  readonly StatementSync: { readonly prototype: object };
}

/**
 * Measures `node:sqlite`. Only new versions of Node.js publish statements on a channel, with durations in whole ms. The
 * agent doesn't load the module itself, because some versions then print a warning.
 */
export const NODE_SQLITE: Library = {
  name: 'node:sqlite',
  category: 'database',
  versions: { from: '22.15.0', to: 26 },
  isBuiltIn: true,
  measured:
    'Each execution of a statement, each statement of `exec()`, the statements of a tag store, and statements that fail to prepare.',
  limits:
    'The duration of `iterate()` ends with its last row, so it includes the time that the application needs for each row. `backup()`, sessions, and changesets are not recorded.',
  instrument: ({ databases }: InstrumentationContext) => {
    const statements = new SqliteStatements(PART, databases);
    return { patches: { '': (exports) => patchModule(exports as SqliteModule, statements) } };
  },
};

function patchModule(module: SqliteModule, statements: SqliteStatements): void {
  const { prototype: connections } = module.DatabaseSync;
  statements.patchTexts(connections, 'exec');
  statements.patchTexts(connections, 'prepare', (connection, statement) => {
    const text = readText(statement);
    if (text !== undefined) statements.addText(statement, { text, connection });
  });
  statements.patchStatements(module.StatementSync.prototype, STATEMENT_METHODS, STATEMENTS);
  // Older versions have no tag stores.
  if (!('createTagStore' in connections)) return;
  observeMethod<object>(PART, connections, 'createTagStore', {
    after: (_, store: object) => {
      const prototype = Object.getPrototypeOf(store) as object;
      if (statements.isNew(prototype))
        statements.patchStatements(prototype, STATEMENT_METHODS, TEMPLATES);
    },
  });
}

/** Returns the statement without values. The text that the application passed can contain several statements. */
function readText(statement: object): string | undefined {
  return (statement as Statement).sourceSQL;
}

const STATEMENTS: SqliteReader = { getOwner: (statement) => statement, read: readText };
/** The first argument of a tag is the list of the texts between the values. It is the same in each call. */
const TEMPLATES: SqliteReader = {
  getOwner: (_, [texts]) => (Array.isArray(texts) ? texts : undefined),
  read: (texts) => (texts as readonly string[]).join('?'),
};
