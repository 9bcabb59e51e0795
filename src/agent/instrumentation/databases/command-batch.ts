import type { Operation } from '../context/operations.ts';
import type { BatchedCommand, DatabaseCommand, DatabaseRecorder } from './database-recorder.ts';

/** Commands that a client sends together. They are recorded when the last one has ended. */
export class CommandBatch {
  readonly operation: Operation;
  readonly #databases: DatabaseRecorder;
  readonly #ended = new Map<string, BatchedCommand>();
  #pending = 0;

  constructor(databases: DatabaseRecorder, operation: Operation) {
    this.#databases = databases;
    this.operation = operation;
  }

  /** Adds a command, which must be ended exactly once. */
  add(): void {
    this.#pending++;
  }

  /** @param errorType class of the error, or undefined if the command succeeded */
  end(command: DatabaseCommand, errorType: string | undefined): void {
    const key = errorType === undefined ? command.text : `${command.text}\n${errorType}`;
    const ended = this.#ended.get(key);
    if (ended) ended.count++;
    else this.#ended.set(key, { command, errorType, count: 1 });
    if (--this.#pending === 0) this.#databases.endBatch(this.operation, [...this.#ended.values()]);
  }
}
