import type { Person } from '../plan/plan.ts';

/** People as the application knows them, such as those of its own database. */
export type DirectoryFunction = () => readonly Person[] | Promise<readonly Person[]>;

const KEY = Symbol.for('perfscope.directory');
const shared = globalThis as { [KEY]?: DirectoryFunction | undefined };

/**
 * Names the function that the server of this process asks for people, beside those of its file.
 * Shared through the global object, because the application and the server may load two copies of
 * the package.
 */
export function setDirectory(directory: DirectoryFunction | undefined): void {
  shared[KEY] = directory;
}

export function directoryFunction(): DirectoryFunction | undefined {
  return shared[KEY];
}
