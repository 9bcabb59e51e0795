import type { Request, RequestHandler } from 'express';
import { withTimeout } from '../../core/concurrency.ts';
import {
  isStoringRows,
  STORAGE_PROBLEMS,
  type StorageStatus,
} from '../../storage/questdb/storage-status.ts';
import type { WriteStats } from '../../storage/write/write-stats.ts';
import type { Authenticator } from '../access/check-credentials.ts';
import { hasPermission } from '../access/permissions.ts';
import { getCredentials } from './middleware/authentication-middleware.ts';

/** Time limit for all checks of a request. Probes often wait for only 1 s. */
const CHECK_TIMEOUT_MS = 800;

/** State of QuestDB, its disk, and the server's own writer. */
export interface ServerStorage {
  /** Resolves with the status within `timeoutMs`. Never rejects. */
  readonly check: (timeoutMs: number) => Promise<StorageStatus>;
  /** Why rows must not be written now. Undefined if writes are allowed. */
  readonly getPauseReason: () => string | undefined;
  readonly getWriteStats: () => WriteStats | undefined;
  /** Folder with the data of this server. */
  readonly dataDir: string;
  /** Folder of the embedded QuestDB. Undefined for an external QuestDB. */
  readonly questdbDir: string | undefined;
}

/**
 * Handles `/readyz`. Responds within 1 s, even if QuestDB doesn't. The server is ready if rows are
 * stored and can be queried. Only callers who can scrape `/metrics` see the details.
 */
export function createReadinessHandler(
  storage: ServerStorage,
  authenticate: Authenticator,
): RequestHandler {
  return async (request, response) => {
    const [status, canReadDetails] = await Promise.all([
      storage.check(CHECK_TIMEOUT_MS),
      canScrape(authenticate, request),
    ]);
    const { problems } = status;
    const reasons = problems.map(({ kind, error: { code, message } }) => ({
      code,
      message: canReadDetails ? message : STORAGE_PROBLEMS[kind].summary,
    }));
    const details = canReadDetails ? { storage: toDetails(status, storage) } : {};
    response.set('Cache-Control', 'no-store');
    if (isStoringRows(status)) {
      response.json({ status: problems.length > 0 ? 'degraded' : 'ready', reasons, ...details });
      return;
    }
    const code = reasons[0]?.code;
    const detail = reasons.map(({ message }) => message).join(' ');
    const problem = { status: 503, title: code, detail, code, reasons, ...details };
    response.status(503).type('application/problem+json').send(problem);
  };
}

async function canScrape(authenticate: Authenticator, request: Request): Promise<boolean> {
  try {
    // A token's issuer can be slow.
    const result = await withTimeout(
      CHECK_TIMEOUT_MS,
      authenticate(getCredentials(request)),
      () => undefined,
    );
    return (
      result !== undefined &&
      'principal' in result &&
      hasPermission(result.principal.role, 'scrape')
    );
  } catch {
    return false;
  }
}

function toDetails(status: StorageStatus, { getPauseReason, getWriteStats }: ServerStorage) {
  const { freeDiskBytes, minFreeDiskBytes, walLagMs } = status;
  const writesPaused = getPauseReason();
  return { freeDiskBytes, minFreeDiskBytes, walLagMs, writesPaused, writes: getWriteStats() };
}
