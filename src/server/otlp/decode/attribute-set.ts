import type { OtelAttributes, OtelAttributeValue } from '../../../core/otel/metric-data.ts';
import type { DecodeLimits, DecodeRejectReason } from './decoded-request.ts';

/** Attributes, or why they were rejected. */
export type AttributesResult = OtelAttributes | DecodeRejectReason;

/** The value of an `AnyValue`. An empty value is null. */
export type DecodedValue = string | number | boolean | null | DecodedValue[] | DecodedMap;
export interface DecodedMap {
  [key: string]: DecodedValue;
}

export const NO_ATTRIBUTES: OtelAttributes = Object.freeze({});

/** Collects the attributes of one resource, point, span, or event. The last value of a key counts. */
export class AttributeSet {
  readonly limits: DecodeLimits;
  readonly #attributes: DecodedMap = {};
  #count = 0;
  #fault: DecodeRejectReason | undefined;

  constructor(limits: DecodeLimits) {
    this.limits = limits;
  }

  /** Rejects the attributes as a whole. The first reason counts. */
  reject(reason: DecodeRejectReason): void {
    this.#fault ??= reason;
  }

  get isRejected(): boolean {
    return this.#fault !== undefined;
  }

  add(key: string, value: DecodedValue): void {
    if (++this.#count > this.limits.maxAttributes) this.reject('too_many_attributes');
    if (this.#fault) return;
    const attribute = toAttributeValue(value);
    if (attribute !== undefined) setOwn(this.#attributes, key, attribute as DecodedValue);
  }

  result(): AttributesResult {
    return this.#fault ?? (this.#attributes as OtelAttributes);
  }
}

/** Returns the attributes of both sets. A sender can list the attributes of one message in several parts. */
export function mergeAttributes(
  first: OtelAttributes,
  second: OtelAttributes,
  limits: DecodeLimits,
): AttributesResult {
  const merged = { ...first, ...second };
  return Object.keys(merged).length > limits.maxAttributes ? 'too_many_attributes' : merged;
}

/** Sets a property of a map. Assigning `__proto__` would set the prototype instead. */
export function setOwn(map: DecodedMap, key: string, value: DecodedValue): void {
  if (key !== '__proto__') map[key] = value;
  else {
    Object.defineProperty(map, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
}

/** Values that the model of attributes doesn't have become JSON text. */
function toAttributeValue(value: DecodedValue): OtelAttributeValue | undefined {
  if (value === null) return undefined;
  if (typeof value !== 'object') return value;
  if (Array.isArray(value) && value.every(isPrimitive)) return value;
  return JSON.stringify(value);
}

function isPrimitive(value: DecodedValue): value is string | number | boolean | null {
  return value === null || typeof value !== 'object';
}
