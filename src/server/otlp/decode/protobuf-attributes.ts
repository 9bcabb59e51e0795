import { type AttributeCache, AttributeCaches, MAX_LENGTH_PER_KEY } from './attribute-cache.ts';
import {
  AttributeSet,
  type AttributesResult,
  type DecodedMap,
  type DecodedValue,
  mergeAttributes,
  NO_ATTRIBUTES,
  setOwn,
} from './attribute-set.ts';
import { ATTRIBUTE_BYTES, type DecodeSession, ELEMENT_BYTES } from './decode-session.ts';
import type { MessageType, ProtobufReader } from './protobuf-reader.ts';
import { findCharacterStart } from './utf8-boundary.ts';

const KEY_VALUE: MessageType = { name: 'KeyValue', fields: { 1: 'key', 2: 'value' } };
const ANY_VALUE: MessageType = {
  name: 'AnyValue',
  fields: {
    1: 'string_value',
    2: 'bool_value',
    3: 'int_value',
    4: 'double_value',
    5: 'array_value',
    6: 'kvlist_value',
    7: 'bytes_value',
  },
};
const ARRAY_VALUE: MessageType = { name: 'ArrayValue', fields: { 1: 'values' } };
const KEY_VALUE_LIST: MessageType = { name: 'KeyValueList', fields: { 1: 'values' } };

const CACHES = new AttributeCaches();

/** Reads attributes, which are a repeated field of type `KeyValue`. */
export class ProtobufAttributes {
  readonly #reader: ProtobufReader;
  readonly #session: DecodeSession;
  readonly #cache: AttributeCache;

  constructor(reader: ProtobufReader, session: DecodeSession) {
    this.#reader = reader;
    this.#session = session;
    this.#cache = CACHES.forLimits(session.limits);
  }

  /**
   * Reads attributes that other messages probably have too. Equal bytes return the same object.
   *
   * @param tag tag of the field, which was already read
   * @param tagStart position of the tag
   * @param previous attributes that were read earlier in the same message
   */
  readShared(tag: number, tagStart: number, previous: AttributesResult): AttributesResult {
    const reader = this.#reader;
    reader.skipLength();
    // The attributes of a message usually follow each other, so their bytes identify them.
    while (reader.position < reader.end && reader.body[reader.position] === tag) {
      reader.position += 1;
      reader.skipLength();
    }
    const end = reader.position;
    const attributes =
      end - tagStart > MAX_LENGTH_PER_KEY
        ? this.#readRange(tagStart, end)
        : this.#cache.get(reader.body.toString('latin1', tagStart, end), () => {
            return this.#readRange(tagStart, end);
          });
    return previous === NO_ATTRIBUTES ? attributes : this.#merge(previous, attributes);
  }

  /**
   * Reads one attribute of a span or an event.
   *
   * @param set receives the attribute. Text that is too long is shortened.
   */
  readShortened(set: AttributeSet): void {
    this.#readKeyValue(set, true);
  }

  #merge(first: AttributesResult, second: AttributesResult): AttributesResult {
    if (typeof first === 'string') return first;
    if (typeof second === 'string') return second;
    this.#session.spend(ATTRIBUTE_BYTES * (1 + Object.keys(first).length));
    return mergeAttributes(first, second, this.#session.limits);
  }

  /** Reads attributes that `readShared` skipped. */
  #readRange(start: number, end: number): AttributesResult {
    const reader = this.#reader;
    const set = new AttributeSet(this.#session.limits);
    const outerEnd = reader.end;
    reader.position = start;
    reader.end = end;
    while (reader.hasField) {
      reader.tag();
      if (set.isRejected) reader.skipLength();
      else this.#readKeyValue(set, false);
    }
    reader.end = outerEnd;
    return set.result();
  }

  #readKeyValue(set: AttributeSet, shortens: boolean): void {
    const reader = this.#reader;
    const { maxStringBytes } = this.#session.limits;
    const outerEnd = reader.startMessage();
    const isTooLong = reader.end - reader.position > maxStringBytes;
    if (set.isRejected || (isTooLong && !shortens)) {
      set.reject('attribute_too_long');
      reader.position = reader.end;
      reader.endMessage(outerEnd);
      return;
    }
    let key: string | undefined = '';
    let value: DecodedValue = null;
    while (reader.hasField) {
      const tag = reader.tag();
      if (tag === 0x0a) key = reader.string(maxStringBytes);
      else if (tag === 0x12) value = this.#readValue(value, set, 0);
      else reader.skip(tag, KEY_VALUE);
    }
    reader.endMessage(outerEnd);
    if (key === undefined || (isTooLong && typeof value !== 'string')) {
      set.reject('attribute_too_long');
    } else {
      this.#session.spend(ATTRIBUTE_BYTES + key.length);
      set.add(key, value);
    }
  }

  /** Reads an `AnyValue`. A repeated occurrence is merged into `previous`. */
  #readValue(previous: DecodedValue, set: AttributeSet, depth: number): DecodedValue {
    const reader = this.#reader;
    const outerEnd = reader.startMessage();
    let value = previous;
    while (reader.hasField) {
      const tag = reader.tag();
      if (tag === 0x0a) value = this.readText();
      else if (tag === 0x10) value = reader.varint() !== 0;
      else if (tag === 0x18) value = reader.int64();
      else if (tag === 0x21) value = reader.double();
      else if (tag === 0x2a) value = this.#readArray(value, set, depth + 1);
      else if (tag === 0x32) value = this.#readMap(value, set, depth + 1);
      else if (tag === 0x3a) value = this.#readBytes();
      else reader.skip(tag, ANY_VALUE);
    }
    reader.endMessage(outerEnd);
    return value;
  }

  #readArray(previous: DecodedValue, set: AttributeSet, depth: number): DecodedValue {
    const values: DecodedValue[] = Array.isArray(previous) ? previous : [];
    this.#readNested(ARRAY_VALUE, set, depth, () => {
      values.push(this.#readValue(null, set, depth));
    });
    return values;
  }

  #readMap(previous: DecodedValue, set: AttributeSet, depth: number): DecodedValue {
    const isMap = previous !== null && typeof previous === 'object' && !Array.isArray(previous);
    const map: DecodedMap = isMap ? previous : {};
    const reader = this.#reader;
    this.#readNested(KEY_VALUE_LIST, set, depth, () => {
      const outerEnd = reader.startMessage();
      let key = '';
      let value: DecodedValue = null;
      while (reader.hasField) {
        const tag = reader.tag();
        if (tag === 0x0a) key = this.readText();
        else if (tag === 0x12) value = this.#readValue(value, set, depth);
        else reader.skip(tag, KEY_VALUE);
      }
      reader.endMessage(outerEnd);
      setOwn(map, key, value);
    });
    return map;
  }

  /** Reads an `ArrayValue` or a `KeyValueList`. Both consist of one repeated field with the number 1. */
  #readNested(type: MessageType, set: AttributeSet, depth: number, readElement: () => void): void {
    const reader = this.#reader;
    if (depth > this.#session.limits.maxValueDepth) set.reject('value_too_deep');
    if (set.isRejected) {
      reader.skipLength();
      return;
    }
    const outerEnd = reader.startMessage();
    while (reader.hasField) {
      const tag = reader.tag();
      if (tag === 0x0a) {
        this.#session.spend(ELEMENT_BYTES);
        readElement();
      } else reader.skip(tag, type);
    }
    reader.endMessage(outerEnd);
  }

  /** Reads a string. Only texts of spans and events can be longer than the limit. They are shortened. */
  readText(): string {
    const reader = this.#reader;
    const length = reader.length();
    const start = reader.position;
    reader.position += length;
    const { maxStringBytes } = this.#session.limits;
    let end = reader.position;
    if (length > maxStringBytes) {
      this.#session.shortenedTexts += 1;
      end = findCharacterStart(reader.body, start + maxStringBytes);
    }
    this.#session.spend(end - start);
    return reader.text(start, end);
  }

  /** Reads bytes as base64, which is their form in JSON. */
  #readBytes(): string {
    const bytes = this.#reader.bytes();
    const { maxStringBytes } = this.#session.limits;
    if (bytes.length > maxStringBytes) this.#session.shortenedTexts += 1;
    const kept = bytes.subarray(0, maxStringBytes);
    this.#session.spend(kept.length * 2);
    return kept.toString('base64');
  }
}
