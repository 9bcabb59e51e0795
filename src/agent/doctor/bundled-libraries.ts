import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import { LIBRARIES } from '../instrumentation/library-table.ts';

/** Larger files aren't scripts. Limits the sum of all files too. */
const MAX_SCRIPT_BYTES = 64 * 2 ** 20;
const MAX_FILES = 500;
/** Relative paths of scripts, such as the parts of a bundle that is split. */
const RELATIVE_SCRIPT = /["'`](\.{1,2}\/[^"'`\n]{1,300}\.[cm]?js)["'`]/g;

/**
 * Returns the supported libraries that a bundler has included in a script, or in the other files of the bundle. Never
 * throws.
 */
export function findBundledLibraries(script: string): string[] {
  const found = new Set<string>();
  const files = new Set([script]);
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

function readScript(file: string, maxBytes: number): string {
  try {
    return statSync(file).size > maxBytes ? '' : readFileSync(file, 'utf8');
  } catch {
    // Node.js also finds scripts without their file extension. They aren't bundles.
    return '';
  }
}
