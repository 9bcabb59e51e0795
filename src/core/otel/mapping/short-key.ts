import { hashText } from '../../lazy-crypto.ts';
import type { OtelScope } from '../metric-data.ts';

/** Usual keys are shorter, in characters. */
const MAX_KEY_LENGTH = 256;

/**
 * Returns the text, or its hash if it is longer than 256 characters. So keys that are kept in memory stay small, also if
 * a sender's texts are large.
 */
export function toShortKey(text: string): string {
  return text.length <= MAX_KEY_LENGTH ? text : hashText(text, 40);
}

/** Returns a scope whose texts are short. They only identify series, and are not stored. */
export function shortenScope(scope: OtelScope): OtelScope {
  const { name, version, schemaUrl } = scope;
  return {
    name: toShortKey(name),
    version: version && toShortKey(version),
    schemaUrl: schemaUrl && toShortKey(schemaUrl),
  };
}
