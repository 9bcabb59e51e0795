import type { Settings } from '../../core/config/parse-settings.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { ReadRows } from '../../storage/questdb/postgres-wire-reader.ts';
import { ApiKeyStore } from './api-key-store.ts';
import { type AuditLogger, createAuditLogger } from './audit-logger.ts';
import {
  type Authenticator,
  assertNotExposed,
  createAuthenticator,
  formatAccessNotice,
  isAuthDisabled,
} from './check-credentials.ts';
import { createTokenVerifier } from './jwt-verifier.ts';

/** Authentication, API keys, and the audit log of a server. */
export interface AccessControl {
  readonly keys: ApiKeyStore;
  readonly authenticate: Authenticator;
  readonly audit: AuditLogger;
  /** Whether direct requests from this machine needed no key when the server started. */
  readonly isAuthDisabled: boolean;
  /** Start line about missing API keys. Undefined if requests need a key and a key exists. */
  readonly notice: string | undefined;
  close(): void;
}

export interface AccessControlOptions {
  readonly settings: Pick<
    Settings,
    'HOST' | 'jwt' | 'PERFORMANCE_METRICS_TOKEN' | 'PERFORMANCE_PUBLIC_URL'
  >;
  /** Token that gives admin access to direct requests from this machine. */
  readonly localToken?: string | undefined;
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
  localToken,
  ...storage
}: AccessControlOptions): Promise<AccessControl> {
  const { HOST: host, jwt, PERFORMANCE_METRICS_TOKEN: metricsToken } = settings;
  const audit = createAuditLogger(storage.add);
  const keys = new ApiKeyStore({ ...storage, audit });
  await keys.load();
  const hasPublicUrl = settings.PERFORMANCE_PUBLIC_URL !== undefined;
  const hasTokens = jwt !== undefined;
  const exposure = { host, hasKeys: keys.hasAnyKey === true, hasTokens, hasPublicUrl };
  assertNotExposed(exposure);
  keys.startRefreshing();
  const verifyToken = jwt && createTokenVerifier(jwt);
  return {
    keys,
    audit,
    authenticate: createAuthenticator({
      keys,
      verifyToken,
      metricsToken,
      localToken,
      host,
      hasPublicUrl,
    }),
    isAuthDisabled: isAuthDisabled(exposure),
    notice: formatAccessNotice(exposure),
    close: () => keys.close(),
  };
}
