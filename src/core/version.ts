import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The bundler of the agent package replaces this name with the version, as a string. */
declare const __PERFSCOPE_VERSION__: string | undefined;

/** The version if no `package.json` of Perfscope is found. It is compatible with every version. */
const UNKNOWN_VERSION = 'unknown';

/** Version of this Perfscope, such as `0.1.0`. The agent and the server of one release share it. */
export const VERSION: string =
  typeof __PERFSCOPE_VERSION__ === 'string'
    ? __PERFSCOPE_VERSION__
    : findPerfscopeVersion(dirname(fileURLToPath(import.meta.url)));

/**
 * Returns the version in the nearest `package.json` with the name `perfscope`, in `folder` or a
 * folder above it. Never throws.
 */
export function findPerfscopeVersion(folder: string): string {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      name?: unknown;
      version?: unknown;
    };
    if (manifest.name === 'perfscope') return String(manifest.version);
  } catch {
    // Most folders have no package.json, so the search continues in the parent folder.
  }
  const parent = dirname(folder);
  return parent === folder ? UNKNOWN_VERSION : findPerfscopeVersion(parent);
}
