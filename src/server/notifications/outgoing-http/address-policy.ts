import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { isLoopbackHost } from '../../../core/loopback.ts';

/** Which addresses a channel may talk to. */
export interface AddressPolicy {
  /** Whether messages may travel unencrypted. */
  readonly allowHttp: boolean;
  /**
   * `true`: private networks and this machine. A list: those networks only, as `10.1.0.0/16`.
   * Link-local addresses, where clouds keep credentials, have to be named.
   */
  readonly allowPrivate: boolean | readonly string[];
}

/** What `allowPrivate: true` opens; all other ranges but `unicast` need a network of the list. */
const PRIVATE_RANGES = new Set(['private', 'loopback', 'uniqueLocal', 'carrierGradeNat']);
/** Where clouds answer with credentials, outside the link-local range. */
const METADATA_ADDRESSES = new Set(['100.100.100.200', 'fd00:ec2::254', 'fd20:ce::254']);
/** IPv6 ranges that lead to an IPv4 address or a site, and that the library calls unicast. */
const RESERVED_IPV6_NETWORKS = ['::/96', '64:ff9b:1::/48', 'fec0::/10'];

/** Why nothing may be sent to this address; undefined where it may. */
export function getAddressError(address: string, policy: AddressPolicy): string | undefined {
  const parsed = ipaddr.isValid(address) ? ipaddr.process(address) : undefined;
  if (parsed === undefined) return `${address} is no address`;
  const { allowPrivate } = policy;
  if (Array.isArray(allowPrivate) && allowPrivate.some((network) => isInNetwork(parsed, network)))
    return;
  const text = parsed.toString();
  const named = parsed.range();
  const range =
    named === 'unicast' && RESERVED_IPV6_NETWORKS.some((network) => isInNetwork(parsed, network))
      ? 'reserved'
      : named;
  if (range === 'unicast') return;
  if (allowPrivate === true && PRIVATE_RANGES.has(range) && !METADATA_ADDRESSES.has(text)) return;
  return `${text} is a ${range} address, which \`allowPrivate\` does not allow`;
}

function isInNetwork(address: ipaddr.IPv4 | ipaddr.IPv6, network: string): boolean {
  const [range, bits] = ipaddr.parseCIDR(network);
  return range.kind() === address.kind() && address.match(range, bits);
}

/** Whether `text` is a network such as `10.1.0.0/16` or `fd00::/8`. */
export function isCidr(text: string): boolean {
  return ipaddr.isValidCIDR(text);
}

/** Why no message may be sent to `url`, as far as the URL itself tells; undefined where it may. */
export function getUrlError(url: URL, policy: AddressPolicy): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return `${url.protocol}// is neither https:// nor http://`;
  }
  if (url.protocol === 'http:' && !policy.allowHttp) {
    return 'http:// is not encrypted, and `allowHttp` does not allow it';
  }
  if (url.username !== '' || url.password !== '') return 'it holds a user or a password';
  const host = getHost(url);
  if (ipaddr.isValid(host)) return getAddressError(host, policy);
  // Other names are looked up when they are used: what they mean changes.
  return isLoopbackHost(host) ? getAddressError('127.0.0.1', policy) : undefined;
}

/** Without the brackets that a URL has around IPv6. */
function getHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

/** A connection that was not made, because the policy does not allow where it leads. */
export class AddressNotAllowedError extends Error {}

/**
 * Resolves a name for one connection and lets only allowed addresses through. The connection is
 * made to what was checked, so that a name can't mean something else a moment later.
 */
export function createPolicyLookup(policy: AddressPolicy): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '');
      // One that is refused refuses all: which of them is taken is up to chance.
      for (const { address } of addresses) {
        const refusal = getAddressError(address, policy);
        if (refusal) return callback(new AddressNotAllowedError(`${host} leads to ${refusal}`), '');
      }
      const [first] = addresses;
      if (options.all) callback(null, addresses);
      else callback(null, first?.address ?? '', first?.family);
    });
  };
}
