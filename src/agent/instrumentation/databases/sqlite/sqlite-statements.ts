import { guard } from '../../../../core/guard.ts';
import { OverheadLevel, overhead } from '../../../overhead/overhead-level.ts';
import { startSynchronousOperation } from '../../context/operations.ts';
import { isUnrecorded } from '../../context/unrecorded-commands.ts';
import { ExistingObject } from '../../loading/hidden-property.ts';
import { findPropertyOwner, type Method, wrapMethod } from '../../loading/method-patching.ts';
import type { DatabaseRecorder } from '../database-recorder.ts';
import type { StatementFingerprint } from '../statement-evidence.ts';
import { ALL_STATEMENTS, createSentStatement, type SentStatement } from '../statement-parts.ts';
import { callNative } from '../uncaught-source-line.ts';
import { getSqliteErrorType } from './sqlite-errors.ts';

/** Value of `db.system.name`. */
const SQLITE = 'sqlite';

/** What a statement runs. */
export interface SqliteText {
  readonly text: string;
  /** The connection, if it is known. */
  readonly connection: object | undefined;
}

/** Finds what a call of a method runs. */
export interface SqliteReader {
  /** Returns the object that stores the fingerprint, or undefined if the call runs no statement. */
  readonly getOwner: (self: object, args: readonly unknown[]) => object | undefined;
  /** Returns the text of an owner, without values. Undefined if it isn't a statement of the library. */
  readonly read: (owner: object) => string | undefined;
}

/** Field of a prepared statement that stores its fingerprint, because to read its text takes time. */
class PreparedField extends ExistingObject {
  #fingerprint: StatementFingerprint;
  #connection: object | undefined;
  /** Whether values can be bound. They can also have been bound earlier. */
  #hasParameters: boolean;

  private constructor(
    target: object,
    fingerprint: StatementFingerprint,
    { text, connection }: SqliteText,
  ) {
    super(target);
    this.#fingerprint = fingerprint;
    this.#connection = connection;
    this.#hasParameters = /[?:@$]/.test(text);
  }

  static add(target: object, fingerprint: StatementFingerprint, text: SqliteText): void {
    new PreparedField(target, fingerprint, text);
  }

  static getFingerprint(target: object): StatementFingerprint | undefined {
    return #fingerprint in target ? target.#fingerprint : undefined;
  }

  static getConnection(target: object): object | undefined {
    return #connection in target ? target.#connection : undefined;
  }

  /** Returns the values for the search for repeated executions. A symbol if they are unknown. */
  static getValues(target: object, args: unknown[]): unknown {
    if (args.length > 0) return args;
    return #hasParameters in target && target.#hasParameters ? BOUND_EARLIER : undefined;
  }
}

const BOUND_EARLIER = Symbol('bound earlier');

/** Field of an iterator that stores its statement and the number of rows. */
class IteratedField extends ExistingObject {
  #statement: SentStatement;
  #fingerprint: StatementFingerprint;

  private constructor(
    iterator: object,
    statement: SentStatement,
    fingerprint: StatementFingerprint,
  ) {
    super(iterator);
    this.#statement = statement;
    this.#fingerprint = fingerprint;
  }

  static add(iterator: object, statement: SentStatement, fingerprint: StatementFingerprint): void {
    if (!(#statement in iterator)) new IteratedField(iterator, statement, fingerprint);
  }

  static getStatement(iterator: object): SentStatement | undefined {
    return #statement in iterator ? iterator.#statement : undefined;
  }

  static getFingerprint(iterator: object): StatementFingerprint | undefined {
    return #fingerprint in iterator ? iterator.#fingerprint : undefined;
  }
}

interface RunningStatement {
  readonly statement: SentStatement;
  readonly fingerprint: StatementFingerprint;
}

/**
 * Measures the native classes of a SQLite library. All calls are synchronous. The duration of an iterated statement ends
 * with its last row, so it includes the time that the application needs for each row.
 */
export class SqliteStatements {
  readonly #part: string;
  readonly #databases: DatabaseRecorder;
  readonly #patched = new WeakSet<object>();

  /** @param part see {@link guard} */
  constructor(part: string, databases: DatabaseRecorder) {
    this.#part = part;
    this.#databases = databases;
  }

  /** Whether a prototype isn't patched yet. Returns true only once for each prototype. */
  isNew(prototype: object): boolean {
    if (this.#patched.has(prototype)) return false;
    this.#patched.add(prototype);
    return true;
  }

  /**
   * Measures the methods that run a statement.
   *
   * @param methods names of the methods. `all` returns rows, `get` a row, and `iterate` an iterator.
   * @param reader finds what a call runs
   */
  patchStatements(prototype: object, methods: readonly string[], reader: SqliteReader): void {
    const begin = guard(this.#part, (self: object, args: unknown[]) =>
      isUnrecorded() ? undefined : this.#begin(reader.getOwner(self, args), args, reader),
    );
    const fail = guard(this.#part, (running: RunningStatement | undefined, error: unknown) => {
      if (running === undefined) return;
      const { statement, fingerprint } = running;
      this.#databases.endStatement(statement, fingerprint, getSqliteErrorType(error));
    });
    for (const name of methods) {
      const end = guard(this.#part, (running: RunningStatement, result: unknown) => {
        if (name === 'iterate') this.#keepOpen(running, result as object);
        else this.#end(running, countRows(name, result));
      });
      wrapMethod(
        prototype,
        name,
        (original) =>
          function (this: object, ...args: unknown[]) {
            const running = begin(this, args);
            const result = callNative(original, this, args, fail, running);
            if (running !== undefined) end(running, result);
            return result;
          },
      );
    }
  }

  /** Measures a method that runs all statements of its first argument, or that prepares one. */
  patchTexts(prototype: object, name: 'exec' | 'prepare', onPrepared?: OnPrepared): void {
    const start = guard(this.#part, (self: object, text: unknown) => {
      if (typeof text !== 'string' || isUnrecorded()) return undefined;
      const operation = startSynchronousOperation('database');
      return createSentStatement(operation, SQLITE, text, self);
    });
    const fail = guard(this.#part, ({ self, text, statement }: TextCall, error: unknown) => {
      const failed = statement ?? start(self, text);
      if (failed) this.#databases.endStatements(failed, { code: getSqliteErrorType(error) });
    });
    const succeed = guard(this.#part, (statement: SentStatement) => {
      statement.completed = ALL_STATEMENTS;
      this.#databases.endStatements(statement, undefined);
    });
    const prepared = onPrepared && guard(this.#part, onPrepared);
    wrapMethod(
      prototype,
      name,
      (original) =>
        function (this: object, ...args: unknown[]) {
          // A prepared statement is recorded when it runs. Only an error is recorded now.
          const statement = prepared ? undefined : start(this, args[0]);
          const call = { self: this, text: args[0], statement };
          const result = callNative(original, this, args, fail, call);
          if (statement) succeed(statement);
          prepared?.(this, result as object);
          return result;
        },
    );
  }

  /** Stores what a prepared statement runs. */
  addText(target: object, text: SqliteText): StatementFingerprint {
    const fingerprint = this.#databases.getFingerprint(text.text, SQLITE);
    // A less detailed fingerprint is used only while the process is busy.
    if (overhead.level < OverheadLevel.FEW_STATEMENTS) PreparedField.add(target, fingerprint, text);
    return fingerprint;
  }

  #begin(
    owner: object | undefined,
    args: unknown[],
    reader: SqliteReader,
  ): RunningStatement | undefined {
    if (typeof owner !== 'object') return undefined;
    const fingerprint = PreparedField.getFingerprint(owner) ?? this.#read(owner, reader);
    if (fingerprint === undefined) return undefined;
    const connection = PreparedField.getConnection(owner);
    const operation = startSynchronousOperation('database');
    const statement = createSentStatement(operation, SQLITE, '', connection);
    statement.values = PreparedField.getValues(owner, args);
    return { statement, fingerprint };
  }

  #read(owner: object, reader: SqliteReader): StatementFingerprint | undefined {
    const text = reader.read(owner);
    return typeof text === 'string'
      ? this.addText(owner, { text, connection: undefined })
      : undefined;
  }

  #end({ statement, fingerprint }: RunningStatement, rows: number): void {
    statement.returnedRows = rows;
    this.#databases.endStatement(statement, fingerprint, undefined);
  }

  #keepOpen({ statement, fingerprint }: RunningStatement, iterator: object): void {
    IteratedField.add(iterator, statement, fingerprint);
    // In some versions of Node.js, each iterator has its own methods.
    const owner = findPropertyOwner(iterator, 'next');
    if (owner !== undefined && this.isNew(owner)) this.#patchIterators(owner);
  }

  #patchIterators(prototype: object): void {
    const finish = guard(this.#part, (iterator: object, result: unknown, error?: unknown) => {
      const statement = IteratedField.getStatement(iterator);
      const fingerprint = IteratedField.getFingerprint(iterator);
      if (statement === undefined || fingerprint === undefined) return;
      const isDone = (result as { done?: unknown } | undefined)?.done !== false;
      if (!isDone) statement.returnedRows = (statement.returnedRows ?? 0) + 1;
      else {
        const errorType = error === undefined ? undefined : getSqliteErrorType(error);
        this.#databases.endStatement(statement, fingerprint, errorType);
      }
    });
    const fail = (iterator: object, error: unknown) =>
      finish(iterator, undefined, error ?? 'unknown');
    for (const name of ['next', 'return']) {
      wrapMethod(
        prototype,
        name,
        (original: Method) =>
          function (this: object, ...args: unknown[]) {
            const result = callNative(original, this, args, fail, this);
            finish(this, result);
            return result;
          },
      );
    }
  }
}

/** Called with the connection and the prepared statement. */
type OnPrepared = (connection: object, statement: object) => void;

/** A call of `exec` or `prepare`. */
interface TextCall {
  readonly self: object;
  readonly text: unknown;
  readonly statement: SentStatement | undefined;
}

function countRows(method: string, result: unknown): number {
  if (method === 'all') return (result as { length?: number } | undefined)?.length ?? 0;
  return 0;
}
