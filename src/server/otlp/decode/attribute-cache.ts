import type { AttributesResult } from './attribute-set.ts';
import type { DecodeLimits } from './decoded-request.ts';

const MAX_ENTRIES = 10_000;
const MAX_KEY_LENGTH = 2 * 1024 * 1024;
export const MAX_LENGTH_PER_KEY = 4096;

/**
 * Keeps decoded attributes by their encoded form, because a series sends the same attributes with each point. Decoding
 * them takes about ten times as long as a look-up. There are two generations: if the new one is full, it replaces the old
 * one, so attributes in use remain.
 */
export class AttributeCache {
  #newEntries = new Map<string, AttributesResult>();
  #oldEntries = new Map<string, AttributesResult>();
  #newKeyLength = 0;

  /** Returns the attributes with the encoded form `key`. Calls `decode` if they aren't in the cache. */
  get(key: string, decode: () => AttributesResult): AttributesResult {
    const known = this.#newEntries.get(key);
    if (known !== undefined) return known;
    const attributes = this.#oldEntries.get(key) ?? decode();
    this.#newEntries.set(key, attributes);
    this.#newKeyLength += key.length;
    if (this.#newEntries.size >= MAX_ENTRIES || this.#newKeyLength >= MAX_KEY_LENGTH) {
      this.#oldEntries = this.#newEntries;
      this.#newEntries = new Map();
      this.#newKeyLength = 0;
    }
    return attributes;
  }
}

/** The caches of one encoding. Which attributes are rejected depends on the limits. */
export class AttributeCaches {
  readonly #caches = new WeakMap<DecodeLimits, AttributeCache>();

  forLimits(limits: DecodeLimits): AttributeCache {
    const known = this.#caches.get(limits);
    if (known) return known;
    const cache = new AttributeCache();
    this.#caches.set(limits, cache);
    return cache;
  }
}
