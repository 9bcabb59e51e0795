import { readFileSync, statSync } from 'node:fs';

/** A larger file isn't a script. */
const MAX_SCRIPT_BYTES = 64 * 2 ** 20;

/**
 * Error messages in the source text of each library. Bundlers keep them, even if they minify the text and
 * remove its comments.
 */
const LIBRARY_MESSAGES: Readonly<Record<string, readonly string[]>> = {
  express: [
    'app.use() requires a middleware function',
    'Router.use() requires a middleware function',
  ],
  pg: ['Client has already been connected. You cannot reuse a client.'],
  bullmq: ['BullMQ: Your redis options maxRetriesPerRequest must be null', 'Missing lock for job'],
};

/** Returns the supported libraries that a bundler has included in a script. Never throws. */
export function findBundledLibraries(script: string): string[] {
  try {
    if (statSync(script).size > MAX_SCRIPT_BYTES) return [];
    const text = readFileSync(script, 'utf8');
    return Object.entries(LIBRARY_MESSAGES)
      .filter(([, messages]) => messages.some((message) => text.includes(message)))
      .map(([name]) => name);
  } catch {
    // Node.js also finds scripts without their file extension. They aren't bundles.
    return [];
  }
}
