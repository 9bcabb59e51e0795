import { createRequire } from 'node:module';
import { sep } from 'node:path';
import { UNMEASURED_LIBRARIES } from '../unmeasured-libraries.ts';

/** Why the libraries of {@link UNMEASURED_LIBRARIES} are not measured. */
export const NOT_YET_MEASURED = 'Perfscope does not measure it yet';

const FOLDER = `${sep}node_modules${sep}`;
const BUILTIN_PREFIX = 'node:';

/**
 * Finds the libraries that the agent doesn't measure yet among the loaded CommonJS files and the loaded modules of
 * Node.js. Takes about 1 ms for 5,000 files.
 *
 * @returns the folder of each library. Empty for modules of Node.js.
 */
export function findUnmeasuredPackages(): Map<string, string> {
  const folders = new Map<string, string>();
  for (const file of Object.keys(createRequire(import.meta.url).cache ?? {})) {
    const start = file.lastIndexOf(FOLDER) + FOLDER.length;
    if (start < FOLDER.length) continue;
    const name = getPackageName(file.slice(start));
    if (Object.hasOwn(UNMEASURED_LIBRARIES, name) && !folders.has(name)) {
      folders.set(name, file.slice(0, start + name.length));
    }
  }
  for (const name of Object.keys(UNMEASURED_LIBRARIES)) {
    if (name.startsWith(BUILTIN_PREFIX) && isBuiltinLoaded(name)) folders.set(name, '');
  }
  return folders;
}

/** Returns the first segment of a path, or the first two for a package with a scope. */
function getPackageName(path: string): string {
  const [first = '', second = ''] = path.split(sep, 2);
  return first.startsWith('@') ? `${first}/${second}` : first;
}

/**
 * Whether a module of Node.js, such as `node:sqlite`, is loaded. Node.js has no documented way to list its loaded
 * modules.
 */
export function isBuiltinLoaded(name: string): boolean {
  const { moduleLoadList } = process as { moduleLoadList?: readonly string[] };
  return moduleLoadList?.includes(`NativeModule ${name.slice(BUILTIN_PREFIX.length)}`) ?? false;
}
