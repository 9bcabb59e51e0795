import type { Person } from '../core/person-and-roles.ts';
import { checkOptionalFunction } from './argument-checks.ts';

/**
 * Returns people from the application, for example from its own database.
 *
 * @returns the people, or a promise of them
 */
export type DirectoryFunction = () => readonly Person[] | Promise<readonly Person[]>;

const DIRECTORY_KEY = Symbol.for('perfscope.directory');
const sharedDirectory = globalThis as { [DIRECTORY_KEY]?: DirectoryFunction | undefined };

/**
 * Sets the function that supplies people to the Perfscope server in this process. `undefined`
 * removes it. The function is stored on the global object because the application and the server
 * can load separate copies of this package.
 *
 * @throws PS_ARGUMENT_INVALID if `directory` is not a function
 */
export function setDirectory(directory: DirectoryFunction | undefined): void {
  checkOptionalFunction('setDirectory', 'directory', directory);
  sharedDirectory[DIRECTORY_KEY] = directory ?? undefined;
}

export function getDirectoryFunction(): DirectoryFunction | undefined {
  return sharedDirectory[DIRECTORY_KEY];
}
