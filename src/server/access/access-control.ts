import type { Settings } from '../../core/config/parse-settings.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { ReadRows } from '../../storage/questdb/postgres-wire-reader.ts';
import { ApiKeyStore } from './api-key-store.ts';
import { type AuditLogger, createAuditLogger } from './audit-logger.ts';
import {
  type Authenticator,
  assertNotExposed,
  createAuthenticator,
  isAuthDisabled,
} from './check-credentials.ts';
import { createTokenVerifier } from './jwt-verifier.ts';

/** Authentication, API keys, and the audit log of a server. */
export interface AccessControl {
  readonly keys: ApiKeyStore;
  readonly authenticate: Authenticator;
  readonly audit: AuditLogger;
  /** Whether every local user had admin access when the server started. */
  readonly isAuthDisabled: boolean;
  close(): void;
}

export interface AccessControlOptions {
  readonly settings: Pick<Settings, 'HOST' | 'jwt' | 'PERFORMANCE_METRICS_TOKEN'>;
  readonly read: ReadRows;
  readonly add: AddRows;
  readonly flush: () => Promise<void>;
  readonly now?: () => number;
}

/**
 * Loads the API keys and starts to refresh them. Call this before the server listens.
 *
 * @throws PS_EXPOSED if the server would be reachable without authentication
 * @throws PS_UNAVAILABLE if QuestDB doesn't respond
 */
export async function createAccessControl({
  settings,
  ...storage
}: AccessControlOptions): Promise<AccessControl> {
  const { HOST: host, jwt, PERFORMANCE_METRICS_TOKEN: metricsToken } = settings;
  const audit = createAuditLogger(storage.add);
  const keys = new ApiKeyStore({ ...storage, audit });
  await keys.load();
  const exposure = { host, hasKeys: keys.hasAnyKey === true, hasTokens: jwt !== undefined };
  assertNotExposed(exposure);
  keys.startRefreshing();
  const verifyToken = jwt && createTokenVerifier(jwt);
  return {
    keys,
    audit,
    authenticate: createAuthenticator({ keys, verifyToken, metricsToken, host }),
    isAuthDisabled: isAuthDisabled(exposure),
    close: () => keys.close(),
  };
}
