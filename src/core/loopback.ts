import { BlockList, isIP } from 'node:net';

const LOOPBACK_ADDRESSES = new BlockList();
LOOPBACK_ADDRESSES.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK_ADDRESSES.addAddress('::1', 'ipv6');

/**
 * Returns whether `host` can be reached only from this machine.
 *
 * @param host an IP address or a name, with or without the brackets of a URL. Names other than
 *   `localhost` are not resolved, because their address can change.
 */
export function isLoopbackHost(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  const family = isIP(name);
  if (family === 0) return name === 'localhost';
  return LOOPBACK_ADDRESSES.check(name, family === 4 ? 'ipv4' : 'ipv6');
}
