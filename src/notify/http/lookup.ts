import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { type AddressPolicy, refusalOfAddress } from './policy.ts';

/** A connection that was not made, because the policy does not allow where it leads. */
export class RefusedAddress extends Error {}

/**
 * Resolves a name for one connection and lets only allowed addresses through. The connection is
 * made to what was checked, so that a name can't mean something else a moment later.
 */
export function guardedLookup(policy: AddressPolicy): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, '');
      // One that is refused refuses all: which of them is taken is up to chance.
      for (const { address } of addresses) {
        const refusal = refusalOfAddress(address, policy);
        if (refusal) return callback(new RefusedAddress(`${host} leads to ${refusal}`), '');
      }
      const [first] = addresses;
      if (options.all) callback(null, addresses);
      else callback(null, first?.address ?? '', first?.family);
    });
  };
}
