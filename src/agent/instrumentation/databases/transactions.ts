import type { Caller } from '../context/tenant-context.ts';
import { ExistingObject } from '../loading/hidden-property.ts';

/** A transaction that has ended. */
export interface EndedTransaction {
  /** Request or job that started it. */
  readonly caller: Caller | undefined;
  /** Number of statements, without BEGIN and COMMIT. */
  readonly count: number;
  /** Fingerprint of its most frequent statement. */
  readonly mostFrequent: string;
}

/** Limits the memory of a transaction. Further fingerprints are only counted together. */
const MAX_FINGERPRINTS = 50;

class OpenTransaction {
  readonly caller: Caller | undefined;
  count = 0;
  readonly #counts = new Map<string, number>();

  constructor(caller: Caller | undefined) {
    this.caller = caller;
  }

  add(text: string): void {
    this.count += 1;
    const count = this.#counts.get(text);
    if (count !== undefined || this.#counts.size < MAX_FINGERPRINTS)
      this.#counts.set(text, (count ?? 0) + 1);
  }

  end(): EndedTransaction {
    let mostFrequent = '';
    let most = 0;
    for (const [text, count] of this.#counts) {
      if (count <= most) continue;
      most = count;
      mostFrequent = text;
    }
    return { caller: this.caller, count: this.count, mostFrequent };
  }
}

/** Field of a connection that stores its transaction. */
class TransactionField extends ExistingObject {
  #transaction: OpenTransaction | undefined;

  private constructor(connection: object, transaction: OpenTransaction) {
    super(connection);
    this.#transaction = transaction;
  }

  static get(connection: object): OpenTransaction | undefined {
    return #transaction in connection ? connection.#transaction : undefined;
  }

  static set(connection: object, transaction: OpenTransaction | undefined): void {
    if (#transaction in connection) connection.#transaction = transaction;
    else if (transaction !== undefined) new TransactionField(connection, transaction);
  }
}

/** What a statement does with the transaction of its connection. */
export type TransactionRole = 'begin' | 'end' | undefined;

/** Returns what a statement does with the transaction of its connection. */
export function getTransactionRole({
  text,
  operation,
}: {
  readonly text: string;
  readonly operation: string;
}): TransactionRole {
  switch (operation) {
    case 'BEGIN':
    case 'START':
      return 'begin';
    case 'ROLLBACK':
      return TO_SAVEPOINT.test(text) ? undefined : 'end';
    case 'COMMIT':
    case 'END':
    case 'ABORT':
      return 'end';
    default:
      return undefined;
  }
}

/**
 * Adds a statement that a connection has executed. Statements must be added in the order in which the database executed
 * them.
 *
 * @param text fingerprint of the statement
 * @param caller the request or job that sent the statement
 * @returns the transaction that the statement ended
 */
export function addToTransaction(
  connection: object,
  text: string,
  role: TransactionRole,
  caller: Caller | undefined,
): EndedTransaction | undefined {
  if (role === undefined) TransactionField.get(connection)?.add(text);
  else if (role === 'begin') TransactionField.set(connection, new OpenTransaction(caller));
  else return endTransaction(connection);
  return undefined;
}

const TO_SAVEPOINT = /\bTO\b/i;

function endTransaction(connection: object): EndedTransaction | undefined {
  const transaction = TransactionField.get(connection);
  TransactionField.set(connection, undefined);
  return transaction?.end();
}
