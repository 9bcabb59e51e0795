import { readFileSync, statSync } from 'node:fs';
import { LIBRARIES } from '../instrumentation/library-table.ts';

/** A larger file isn't a script. */
const MAX_SCRIPT_BYTES = 64 * 2 ** 20;

/** Returns the supported libraries that a bundler has included in a script. Never throws. */
export function findBundledLibraries(script: string): string[] {
  try {
    if (statSync(script).size > MAX_SCRIPT_BYTES) return [];
    const text = readFileSync(script, 'utf8');
    return LIBRARIES.filter(({ bundledMessages = [] }) =>
      bundledMessages.some((message) => text.includes(message)),
    ).map(({ name }) => name);
  } catch {
    // Node.js also finds scripts without their file extension. They aren't bundles.
    return [];
  }
}
