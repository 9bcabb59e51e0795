import { isSameSecret, KEY_PREFIX } from './api-key.ts';
import { isOpen } from './exposure.ts';
import type { KeyStore } from './key-store.ts';
import { LOCAL_ADMIN, type Principal, principalOf, SCRAPER } from './principal.ts';
import type { CheckToken } from './tokens.ts';

/** What a request says about who sends it. */
export interface Presented {
  /** The `Authorization` header. */
  readonly authorization?: string | undefined;
  /** The `X-API-Key` header. */
  readonly apiKey?: string | undefined;
  /** Whether it was sent to a loopback name by no foreign page and no proxy. */
  readonly direct: boolean;
}

/** Who asks, or why nobody knows: for good, or at the moment. */
type Identified = { principal: Principal } | { refused: string } | { unavailable: string };

/** Never rejects. */
export type Identify = (presented: Presented) => Promise<Identified>;

export interface IdentifyOptions {
  readonly keys: Pick<KeyStore, 'check' | 'anyMade'>;
  /** Undefined: nobody's tokens are believed. */
  readonly checkToken?: CheckToken | undefined;
  /** Token that may scrape, and no more. */
  readonly metricsToken?: string | undefined;
  /** Address that the server listens on. */
  readonly host: string;
}

const MOST_LENGTH = 8192;

export function identifier(options: IdentifyOptions): Identify {
  const { keys, checkToken, metricsToken, host } = options;

  const withoutCredential = ({ direct }: Presented): Identified => {
    const hasKeys = keys.anyMade;
    if (hasKeys === undefined) return { unavailable: 'the keys are not known yet' };
    if (!isOpen({ host, hasKeys, hasTokens: checkToken !== undefined })) {
      return { refused: 'the request brings no key' };
    }
    if (direct) return { principal: LOCAL_ADMIN };
    return {
      refused: 'without a key, only direct requests to a loopback address are answered',
    };
  };

  return async (presented) => {
    const text = credentialOf(presented);
    if (text === undefined) return withoutCredential(presented);
    if (text.length > MOST_LENGTH) return { refused: 'the credential is too long' };
    if (metricsToken !== undefined && isSameSecret(text, metricsToken)) {
      return { principal: SCRAPER };
    }
    if (text.startsWith(KEY_PREFIX)) {
      const checked = await keys.check(text);
      if (!('key' in checked)) return checked;
      const { id, role, organizationId, properties } = checked.key;
      return { principal: principalOf(`key:${id}`, { role, organizationId, properties }) };
    }
    if (text.split('.').length !== 3) return { refused: 'it is neither a key nor a token' };
    return checkToken ? checkToken(text) : { refused: 'tokens are not accepted here' };
  };
}

/** Other schemes than Bearer are left to proxies, which have their own users. */
function credentialOf({ authorization = '', apiKey }: Presented): string | undefined {
  const isBearer = /^Bearer(?= |$)/i.test(authorization);
  return isBearer ? authorization.slice('Bearer'.length).trim() : apiKey;
}
