import type { Settings } from '../config/settings.ts';
import type { Read } from '../questdb/reader.ts';
import type { Add } from '../schema/tables.ts';
import { type Audit, auditTo } from './audit.ts';
import { isOpen, refuseExposure } from './exposure.ts';
import { type Identify, identifier } from './identify.ts';
import { KeyStore } from './key-store.ts';
import { tokenCheck } from './tokens.ts';

/** Who may do what on one server. */
export interface Access {
  readonly keys: KeyStore;
  readonly identify: Identify;
  readonly audit: Audit;
  /** Whether everybody who reaches the server was its administrator when it started. */
  readonly open: boolean;
  close(): void;
}

export interface AccessOptions {
  readonly settings: Pick<Settings, 'HOST' | 'tokens' | 'PERFORMANCE_METRICS_TOKEN'>;
  readonly read: Read;
  readonly add: Add;
  readonly flush: () => Promise<void>;
  readonly now?: () => number;
}

/**
 * Reads the keys and keeps them up to date. To be called before the server listens.
 *
 * @throws PS_EXPOSED; PS_UNAVAILABLE when QuestDB does not answer
 */
export async function openAccess({ settings, ...road }: AccessOptions): Promise<Access> {
  const { HOST: host, tokens, PERFORMANCE_METRICS_TOKEN: metricsToken } = settings;
  const audit = auditTo(road.add);
  const keys = new KeyStore({ ...road, audit });
  await keys.load();
  const exposure = { host, hasKeys: keys.anyMade === true, hasTokens: tokens !== undefined };
  refuseExposure(exposure);
  keys.watch();
  const checkToken = tokens && tokenCheck(tokens);
  return {
    keys,
    audit,
    identify: identifier({ keys, checkToken, metricsToken, host }),
    open: isOpen(exposure),
    close: () => keys.close(),
  };
}
