import type { RequestState } from './request-state.ts';

/** An unexpected error in a part of an operation. */
export interface OperationError {
  /** Path of the GraphQL field without the positions in lists, such as `rooms.price`, or path of the tRPC procedure. */
  readonly path: string;
  readonly thrown: unknown;
}

/** Maximum number of errors that are stored for a request. */
const MAX_ERRORS = 20;

/** The errors of a request that can fail in several places. It is the value of `thrown` in the state of the request. */
export class OperationErrors {
  readonly #errors = new Map<string, OperationError>();

  /** Stores the first error of each path. */
  add(error: OperationError): void {
    const { path } = error;
    if (!this.#errors.has(path) && this.#errors.size < MAX_ERRORS) this.#errors.set(path, error);
  }

  get all(): readonly OperationError[] {
    return [...this.#errors.values()];
  }
}

/** Marks a request as failed, even if its status is 200, and stores the error. */
export function addOperationError(state: RequestState, error: OperationError): void {
  state.hasFailedAfterHeaders = true;
  state.thrown ??= new OperationErrors();
  if (state.thrown instanceof OperationErrors) state.thrown.add(error);
}
