import { PG, PG_POOL } from './databases/postgres.ts';
import { EXPRESS, ROUTER } from './frameworks/express.ts';
import type { Library } from './loading/library.ts';
import { NODE_HTTP } from './outgoing/node-http-client.ts';
import { FETCH, UNDICI } from './outgoing/undici.ts';
import { BULLMQ } from './queues/bullmq.ts';

/**
 * All libraries that the agent measures. The README, `docs/instrumentation.md`, `doctor`, and the start line
 * read this table. To add a library, write its file, and add it here.
 */
export const LIBRARIES: readonly Library[] = [
  EXPRESS,
  ROUTER,

  FETCH,
  UNDICI,
  NODE_HTTP,

  PG,
  PG_POOL,

  BULLMQ,
];
