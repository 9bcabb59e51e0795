import { ExistingObject } from '../loading/hidden-property.ts';

/** Stores the endpoint whose handler caused an error. */
class ErrorOriginField extends ExistingObject {
  readonly #endpoint: string;

  private constructor(error: object, endpoint: string) {
    super(error);
    this.#endpoint = endpoint;
  }

  static get(error: object): string | undefined {
    return #endpoint in error ? error.#endpoint : undefined;
  }

  static set(error: object, endpoint: string): void {
    if (!(#endpoint in error)) new ErrorOriginField(error, endpoint);
  }
}

/** Stores the endpoint of an error that its handler didn't catch, for the row of the unhandled rejection. */
export function setErrorOrigin(error: unknown, endpoint: string | undefined): void {
  if (error instanceof Error && endpoint !== undefined) ErrorOriginField.set(error, endpoint);
}

/** Returns the endpoint whose handler caused an error, if it is known. */
export function getErrorOrigin(error: unknown): string | undefined {
  return error instanceof Error ? ErrorOriginField.get(error) : undefined;
}
