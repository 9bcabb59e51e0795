import type { Person } from '../core/person-and-roles.ts';

/** Returns people from the application, for example from its own database. */
export type DirectoryFunction = () => readonly Person[] | Promise<readonly Person[]>;

const DIRECTORY_KEY = Symbol.for('perfscope.directory');
const sharedDirectory = globalThis as { [DIRECTORY_KEY]?: DirectoryFunction | undefined };

/**
 * Sets the function that supplies people to the Perfscope server in this process. `undefined`
 * removes it. The function is stored on the global object because the application and the server
 * can load separate copies of this package.
 */
export function setDirectory(directory: DirectoryFunction | undefined): void {
  sharedDirectory[DIRECTORY_KEY] = directory;
}

export function getDirectoryFunction(): DirectoryFunction | undefined {
  return sharedDirectory[DIRECTORY_KEY];
}
