import type { Settings } from '../../core/config/settings.ts';
import type { AddRows } from '../../core/schema/table-registry.ts';
import type { ReadRows } from '../../storage/questdb/questdb-reader.ts';
import { ApiKeyStore } from './api-key-store.ts';
import { type AuditLogger, createAuditLogger } from './audit-logger.ts';
import {
  type Authenticator,
  assertNotExposed,
  createAuthenticator,
  isAuthDisabled,
} from './credential-authenticator.ts';
import { createTokenVerifier } from './jwt-verifier.ts';

/** Who may do what on one server. */
export interface AccessControl {
  readonly keys: ApiKeyStore;
  readonly authenticate: Authenticator;
  readonly audit: AuditLogger;
  /** Whether everybody who reaches the server was its administrator when it started. */
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
 * Reads the keys and keeps them up to date. To be called before the server listens.
 *
 * @throws PS_EXPOSED; PS_UNAVAILABLE when QuestDB does not answer
 */
export async function createAccessControl({
  settings,
  ...road
}: AccessControlOptions): Promise<AccessControl> {
  const { HOST: host, jwt: tokens, PERFORMANCE_METRICS_TOKEN: metricsToken } = settings;
  const audit = createAuditLogger(road.add);
  const keys = new ApiKeyStore({ ...road, audit });
  await keys.load();
  const exposure = { host, hasKeys: keys.hasAnyKey === true, hasTokens: tokens !== undefined };
  assertNotExposed(exposure);
  keys.startRefreshing();
  const checkToken = tokens && createTokenVerifier(tokens);
  return {
    keys,
    audit,
    authenticate: createAuthenticator({ keys, checkToken, metricsToken, host }),
    isAuthDisabled: isAuthDisabled(exposure),
    close: () => keys.close(),
  };
}
