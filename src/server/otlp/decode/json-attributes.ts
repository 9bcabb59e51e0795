import { type AttributeCache, AttributeCaches, MAX_LENGTH_PER_KEY } from './attribute-cache.ts';
import {
  AttributeSet,
  type AttributesResult,
  type DecodedMap,
  type DecodedValue,
  NO_ATTRIBUTES,
  setOwn,
} from './attribute-set.ts';
import type { DecodeSession } from './decode-session.ts';
import type { JsonMessage } from './json-message.ts';
import { findCharacterStart } from './utf8-boundary.ts';

const CACHES = new AttributeCaches();
const VALUE_FIELDS = [
  'stringValue',
  'boolValue',
  'intValue',
  'doubleValue',
  'arrayValue',
  'kvlistValue',
  'bytesValue',
] as const;

/** Reads attributes, which are arrays of `KeyValue`. */
export class JsonAttributes {
  readonly #session: DecodeSession;
  readonly #cache: AttributeCache;

  constructor(session: DecodeSession) {
    this.#session = session;
    this.#cache = CACHES.forLimits(session.limits);
  }

  /** Reads attributes that other messages probably have too. Equal attributes return the same object. */
  readShared(message: JsonMessage, field: string): AttributesResult {
    const list = message.list(field);
    if (list.length === 0) return NO_ATTRIBUTES;
    if (list.length > this.#session.limits.maxAttributes) return 'too_many_attributes';
    const key = JSON.stringify(list);
    if (key.length > MAX_LENGTH_PER_KEY) return this.#read(message, field, false);
    return this.#cache.get(key, () => this.#read(message, field, false));
  }

  /** Reads attributes of a span or an event. Text that is too long is shortened. */
  readShortened(message: JsonMessage, field: string): AttributesResult {
    return this.#read(message, field, true);
  }

  /** Shortens a text of a span or an event if it is too long. */
  shorten(text: string): string {
    const { maxStringBytes } = this.#session.limits;
    if (Buffer.byteLength(text) <= maxStringBytes) return text;
    this.#session.shortenedTexts += 1;
    const bytes = Buffer.from(text);
    return bytes.toString('utf8', 0, findCharacterStart(bytes, maxStringBytes));
  }

  #read(message: JsonMessage, field: string, shortens: boolean): AttributesResult {
    const set = new AttributeSet(this.#session.limits);
    for (const keyValue of message.messages(field)) {
      if (set.isRejected) break;
      this.#readKeyValue(keyValue, set, shortens);
    }
    return set.result();
  }

  #readKeyValue(keyValue: JsonMessage, set: AttributeSet, shortens: boolean): void {
    const key = keyValue.text('key') ?? '';
    let value = this.#readValue(keyValue.message('value'), set, 0);
    if (shortens && typeof value === 'string') value = this.shorten(value);
    const bytes = Buffer.byteLength(key) + measure(value);
    const { maxStringBytes } = this.#session.limits;
    // Shortened text is exactly as long as the limit, without its key.
    const isTooLong = shortens && typeof value === 'string' ? false : bytes > maxStringBytes;
    if (isTooLong || Buffer.byteLength(key) > maxStringBytes) set.reject('attribute_too_long');
    else set.add(key, value);
  }

  #readValue(message: JsonMessage | undefined, set: AttributeSet, depth: number): DecodedValue {
    if (!message) return null;
    if (depth > this.#session.limits.maxValueDepth) {
      set.reject('value_too_deep');
      return null;
    }
    const field = message.oneOf(VALUE_FIELDS);
    switch (field) {
      case undefined:
        return null;
      case 'stringValue':
        return message.text(field) ?? null;
      case 'boolValue':
        return message.bool(field);
      case 'intValue':
        return message.int64(field);
      case 'doubleValue':
        return message.double(field) ?? null;
      case 'bytesValue':
        // Senders can use the alphabet for URLs and omit the padding.
        return Buffer.from(message.text(field) ?? '', 'base64').toString('base64');
      case 'arrayValue':
        return this.#readArray(message.message(field)!, set, depth + 1);
      case 'kvlistValue':
        return this.#readMap(message.message(field)!, set, depth + 1);
    }
  }

  #readArray(array: JsonMessage, set: AttributeSet, depth: number): DecodedValue[] {
    return array.messages('values').map((value) => this.#readValue(value, set, depth));
  }

  #readMap(list: JsonMessage, set: AttributeSet, depth: number): DecodedMap {
    const map: DecodedMap = {};
    for (const keyValue of list.messages('values')) {
      const value = this.#readValue(keyValue.message('value'), set, depth);
      setOwn(map, keyValue.text('key') ?? '', value);
    }
    return map;
  }
}

/** Returns about as many bytes as the value takes in protobuf. */
function measure(value: DecodedValue): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (value === null || typeof value !== 'object') return 8;
  if (Array.isArray(value)) return value.reduce((bytes: number, e) => bytes + measure(e), 0);
  return Object.entries(value).reduce(
    (bytes, [key, element]) => bytes + Buffer.byteLength(key) + measure(element),
    0,
  );
}
