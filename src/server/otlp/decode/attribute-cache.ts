import type { AttributesResult } from './attribute-set.ts';

const MAX_ENTRIES = 10_000;
const MAX_KEY_BYTES = 2 * 1024 * 1024;
const MAX_BYTES_PER_KEY = 4096;

/**
 * Keeps decoded attributes by their encoded bytes, because a series sends the same attributes with each point. Decoding
 * them takes about ten times as long as a look-up. There are two generations: if the new one is full, it replaces the old
 * one, so attributes in use remain.
 */
export class AttributeCache {
  #newEntries = new Map<string, AttributesResult>();
  #oldEntries = new Map<string, AttributesResult>();
  #newKeyBytes = 0;

  /** Returns the attributes in `body` from `start` to `end`. Calls `decode` if they aren't in the cache. */
  get(body: Buffer, start: number, end: number, decode: () => AttributesResult): AttributesResult {
    if (end - start > MAX_BYTES_PER_KEY) return decode();
    const key = body.toString('latin1', start, end);
    const known = this.#newEntries.get(key);
    if (known !== undefined) return known;
    const attributes = this.#oldEntries.get(key) ?? decode();
    this.#newEntries.set(key, attributes);
    this.#newKeyBytes += end - start;
    if (this.#newEntries.size >= MAX_ENTRIES || this.#newKeyBytes >= MAX_KEY_BYTES) {
      this.#oldEntries = this.#newEntries;
      this.#newEntries = new Map();
      this.#newKeyBytes = 0;
    }
    return attributes;
  }
}
