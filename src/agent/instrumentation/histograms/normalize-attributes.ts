import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { MAX_TEXT_LENGTH } from '../../../core/schema/table-definition.ts';
import { ATTR_TAGS_DROPPED } from '../../attribute-keys.ts';

/** Default limit of the OpenTelemetry specification for the number of attributes. */
const MAX_ATTRIBUTES = 128;
const MAX_ARRAY_LENGTH = 128;
/** Sums of larger values could become infinite, and then the series would never recover. */
const MAX_VALUE = 1e300;

type Entry = [string, AttributeValue];

/** Attributes with only valid values. */
export class NormalizedAttributes {
  readonly #entries: readonly Entry[];
  /** The same text for the same attributes in any order. */
  readonly key: string;

  constructor(entries: readonly Entry[]) {
    this.#entries = entries;
    let key = '';
    // Lengths make keys unique. This is faster than `JSON.stringify`, which escapes all texts.
    for (const [name, value] of entries) {
      const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
      key += `${name.length} ${name}${typeof value}${text.length} ${text}`;
    }
    this.key = key;
  }

  toAttributes(): Attributes {
    // Unlike an assignment, `fromEntries` creates the property `__proto__`.
    return Object.fromEntries(this.#entries);
  }
}

const NO_ATTRIBUTES = new NormalizedAttributes([]);

/** Whether a value can be added to a series without spoiling the series. */
export function isRecordable(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= MAX_VALUE;
}

/**
 * Converts the attributes of the application to valid attributes. Values without a JSON form, such as
 * functions, cyclic objects, or getters that throw, are dropped. If the attributes are too large, all
 * long values are replaced by the attribute `perfscope.tags.dropped`.
 *
 * Never throws. Copies the values, so later changes to `attributes` have no effect.
 */
export function normalizeAttributes(attributes: unknown): NormalizedAttributes {
  if (typeof attributes !== 'object' || attributes === null) return NO_ATTRIBUTES;
  let entries: Entry[] = [];
  for (const name of readNames(attributes)) {
    const value = normalizeValue(readValue(attributes, name));
    if (value !== undefined) entries.push([name, value]);
  }
  if (entries.length > 1) entries.sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.some(isLong) && JSON.stringify(entries).length > MAX_TEXT_LENGTH) {
    entries = entries.filter((entry) => !isLong(entry));
    entries.push([ATTR_TAGS_DROPPED, true]);
  }
  return new NormalizedAttributes(entries);
}

/** If no entry is longer, all entries together are shorter than a column's limit. */
const MAX_ENTRY_LENGTH = MAX_TEXT_LENGTH / (2 * MAX_ATTRIBUTES);

function isLong([name, value]: Entry): boolean {
  if (name.length > MAX_ENTRY_LENGTH) return true;
  if (typeof value === 'string') return value.length > MAX_ENTRY_LENGTH;
  return typeof value === 'object' && JSON.stringify(value).length > MAX_ENTRY_LENGTH;
}

function readNames(attributes: object): string[] {
  try {
    return Object.keys(attributes).slice(0, MAX_ATTRIBUTES);
  } catch {
    // A proxy can throw.
    return [];
  }
}

function readValue(attributes: object, name: string): unknown {
  try {
    return (attributes as Record<string, unknown>)[name];
  } catch {
    return undefined;
  }
}

function normalizeValue(value: unknown): AttributeValue | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
      return String(value);
    case 'object':
      return value === null ? undefined : normalizeObject(value);
    default:
      return undefined;
  }
}

function normalizeObject(value: object): AttributeValue | undefined {
  try {
    if (!Array.isArray(value)) return toJson(value);
    const items = value.slice(0, MAX_ARRAY_LENGTH).map((item: unknown) => {
      const normalized = normalizeValue(item);
      return Array.isArray(normalized) ? JSON.stringify(normalized) : (normalized ?? null);
    });
    return items as AttributeValue;
  } catch {
    return undefined;
  }
}

/** @returns the JSON form of an object. A `toJSON` method can return a string, such as a date's. */
function toJson(value: object): string | undefined {
  const json = JSON.stringify(value, (_name, item: unknown) =>
    typeof item === 'bigint' ? String(item) : item,
  );
  if (json === undefined || json === 'null') return undefined;
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}
