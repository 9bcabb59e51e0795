import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { isLoopbackHost } from '../../../core/loopback.ts';

/** Decides which addresses a channel can connect to. */
export interface AddressPolicy {
  /** Whether unencrypted http:// is allowed. */
  readonly allowHttp: boolean;
  /**
   * `true` allows private networks and this machine. A list allows only the listed networks, such
   * as `10.1.0.0/16`. Link-local addresses must be in the list, because cloud providers serve
   * credentials there.
   */
  readonly allowPrivate: boolean | readonly string[];
}

/** Ranges that `allowPrivate: true` allows. Other ranges except `unicast` must be in a list. */
const PRIVATE_RANGES = new Set(['private', 'loopback', 'uniqueLocal', 'carrierGradeNat']);
/** Addresses outside the link-local range at which cloud providers serve credentials. */
const METADATA_ADDRESSES = new Set(['100.100.100.200', 'fd00:ec2::254', 'fd20:ce::254']);
/** Ranges that map to IPv4 or site-local addresses, but that ipaddr.js reports as `unicast`. */
const RESERVED_IPV6_NETWORKS = ['::/96', '64:ff9b:1::/48', 'fec0::/10'];

/** Returns why the policy blocks an IP address, or `undefined` if it is allowed. */
export function getAddressError(address: string, policy: AddressPolicy): string | undefined {
  const parsed = ipaddr.isValid(address) ? ipaddr.process(address) : undefined;
  if (parsed === undefined) return `${address} is not an IP address`;
  const { allowPrivate } = policy;
  if (Array.isArray(allowPrivate) && allowPrivate.some((network) => isInNetwork(parsed, network)))
    return;
  const text = parsed.toString();
  const libraryRange = parsed.range();
  const range =
    libraryRange === 'unicast' &&
    RESERVED_IPV6_NETWORKS.some((network) => isInNetwork(parsed, network))
      ? 'reserved'
      : libraryRange;
  if (range === 'unicast') return;
  if (allowPrivate === true && PRIVATE_RANGES.has(range) && !METADATA_ADDRESSES.has(text)) return;
  return `${text} is a ${range} address, and \`allowPrivate\` does not allow it`;
}

function isInNetwork(address: ipaddr.IPv4 | ipaddr.IPv6, network: string): boolean {
  const [range, bits] = ipaddr.parseCIDR(network);
  return range.kind() === address.kind() && address.match(range, bits);
}

/** Returns whether `text` is a network such as `10.1.0.0/16` or `fd00::/8`. */
export function isCidr(text: string): boolean {
  return ipaddr.isValidCIDR(text);
}

/**
 * Returns why the policy blocks a URL, or `undefined` if it is allowed. Hostnames are checked later,
 * when they are resolved.
 */
export function getUrlError(url: URL, policy: AddressPolicy): string | undefined {
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return `the URL must begin with https:// or http://, not ${url.protocol}//`;
  }
  if (url.protocol === 'http:' && !policy.allowHttp) {
    return 'http:// is not encrypted, and `allowHttp` does not allow it';
  }
  if (url.username !== '' || url.password !== '') return 'it must not contain a user or a password';
  const host = getHost(url);
  if (ipaddr.isValid(host)) return getAddressError(host, policy);
  // Other hostnames are resolved for each connection, because their addresses can change.
  return isLoopbackHost(host) ? getAddressError('127.0.0.1', policy) : undefined;
}

/** Removes the brackets around an IPv6 address. */
function getHost(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1');
}

/** The policy blocked a connection. */
export class AddressNotAllowedError extends Error {}

/**
 * Creates a lookup function that resolves a hostname and rejects addresses that the policy blocks.
 * Because the connection uses the checked addresses, a changed DNS record can't bypass the policy.
 */
export function createPolicyLookup(policy: AddressPolicy): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '');
      // Any of the addresses can be used, so all must be allowed.
      for (const { address } of addresses) {
        const reason = getAddressError(address, policy);
        if (reason) {
          return callback(
            new AddressNotAllowedError(`${host} resolves to a blocked address: ${reason}`),
            '',
          );
        }
      }
      const [first] = addresses;
      if (options.all) callback(null, addresses);
      else callback(null, first?.address ?? '', first?.family);
    });
  };
}
