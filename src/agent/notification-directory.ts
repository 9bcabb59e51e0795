import type { Person } from '../server/notifications/config/notification-config.ts';

/** People as the application knows them, such as those of its own database. */
export type DirectoryFunction = () => readonly Person[] | Promise<readonly Person[]>;

const DIRECTORY_KEY = Symbol.for('perfscope.directory');
const sharedDirectory = globalThis as { [DIRECTORY_KEY]?: DirectoryFunction | undefined };

/**
 * Names the function that the server of this process asks for people, beside those of its file.
 * Shared through the global object, because the application and the server may load two copies of
 * the package.
 */
export function setDirectory(directory: DirectoryFunction | undefined): void {
  sharedDirectory[DIRECTORY_KEY] = directory;
}

export function getDirectoryFunction(): DirectoryFunction | undefined {
  return sharedDirectory[DIRECTORY_KEY];
}
