import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { LIBRARIES } from '../instrumentation/library-table.ts';

/** Larger files aren't scripts. Limits the sum of all files too. */
const MAX_SCRIPT_BYTES = 64 * 2 ** 20;
const MAX_FILES = 500;
/** Relative paths of scripts, such as the parts of a bundle that is split. */
const RELATIVE_SCRIPT = /["'`](\.{1,2}\/[^"'`\n]{1,300}\.[cm]?js)["'`]/g;

/** Folder of the bundles that Next.js builds. `next start` finds them in the folder of the application. */
const NEXT_BUNDLES = join('.next', 'server');

/**
 * Returns the supported libraries that a bundler has included in a script, or in the other files of the bundle. Never
 * throws.
 *
 * @param folder folder of the application, which can contain a build of Next.js. Default: the folder of the script.
 */
export function findBundledLibraries(script: string, folder: string = dirname(script)): string[] {
  const found = new Set<string>();
  const files = new Set([script, ...listScripts(join(folder, NEXT_BUNDLES))]);
  let bytes = 0;
  // A set also iterates over the values that are added in the loop.
  for (const file of files) {
    const text = readScript(file, MAX_SCRIPT_BYTES - bytes);
    bytes += text.length;
    for (const { name, bundledMessages = [] } of LIBRARIES) {
      if (bundledMessages.some((message) => text.includes(message))) found.add(name);
    }
    for (const [, path = ''] of text.matchAll(RELATIVE_SCRIPT)) {
      const other = resolve(dirname(file), path);
      const isInstalled = other.includes(`${sep}node_modules${sep}`);
      if (files.size < MAX_FILES && !isInstalled && existsSync(other)) files.add(other);
    }
  }
  return LIBRARIES.map(({ name }) => name).filter((name) => found.has(name));
}

/** Returns the scripts in a folder. */
function listScripts(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.js'))
      .slice(0, MAX_FILES)
      .map((name) => join(folder, name));
  } catch {
    // The application doesn't use Next.js, or has no build.
    return [];
  }
}

function readScript(file: string, maxBytes: number): string {
  try {
    return statSync(file).size > maxBytes ? '' : readFileSync(file, 'utf8');
  } catch {
    // Node.js also finds scripts without their file extension. They aren't bundles.
    return '';
  }
}
