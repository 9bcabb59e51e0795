import type { LibraryCategory } from './loading/library.ts';

/**
 * Popular libraries that the agent doesn't measure yet. `doctor`, the start line, and the docs list them, so that users
 * don't search for a mistake in their setup. Remove a library from this list when it is added to `library-table.ts`.
 */
export const UNMEASURED_LIBRARIES: Readonly<Record<string, LibraryCategory>> = {
  restify: 'framework',
  elysia: 'framework',
  sqlite3: 'database',
  mariadb: 'database',
  tedious: 'database',
  oracledb: 'database',
  '@aws-sdk/client-dynamodb': 'database',
  nats: 'queue',
};
