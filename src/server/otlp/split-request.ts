import type { OtlpSignal } from './decode/otlp-response.ts';

/**
 * Maximum size of a part, in bytes: about 2,500 points. Decoding and mapping a part blocks the event loop for less than
 * 50 ms, also on a busy machine.
 */
export const MAX_PART_BYTES = 512 * 1024;
/** A message with more other fields isn't divided, because each part would contain a copy of them. */
const MAX_COPIED_SHARE = 1 / 8;

const MAX_COPIED_FIELDS = 100;
/** A tag and the length of a part. */
const MAX_PREFIX_BYTES = 5;

const [VARINT, FIXED64, LENGTH_DELIMITED, FIXED32] = [0, 1, 2, 5];

/** A kind of message. It can be divided between the values of one repeated field. */
interface MessageKind {
  /** Kinds of the divisible fields by tag, which is the field number * 8 + 2. `null` is a value that stays whole. */
  readonly fields: Readonly<Record<number, MessageKind | null>>;
}

const DATA: MessageKind = { fields: { 10: null } };
const METRIC: MessageKind = {
  fields: { 42: DATA, 58: DATA, 74: DATA, 82: DATA, 90: DATA },
};
const createRequestKind = (item: MessageKind | null): MessageKind => ({
  // Request → resource → scope → metrics or spans.
  fields: { 10: { fields: { 18: { fields: { 18: item } } } } },
});
const REQUESTS: Readonly<Record<OtlpSignal, MessageKind>> = {
  metrics: createRequestKind(METRIC),
  traces: createRequestKind(null),
};

/**
 * Divides a large request in protobuf into smaller requests with the same data, in the same order. Each part repeats
 * the resource, the scope, and the metric of its points. Returns the request itself if it is small, malformed, or
 * can't be divided.
 */
export function* splitRequest(
  signal: OtlpSignal,
  body: Buffer,
  maxBytes: number = MAX_PART_BYTES,
): Generator<Buffer, void, undefined> {
  yield* splitMessage(body, REQUESTS[signal], maxBytes);
}

function* splitMessage(
  message: Buffer,
  kind: MessageKind,
  maxBytes: number,
): Generator<Buffer, void, undefined> {
  const header = message.length > maxBytes ? readHeader(message, kind) : undefined;
  if (!header || header.length > maxBytes * MAX_COPIED_SHARE) {
    yield message;
    return;
  }
  let part = Buffer.allocUnsafe(maxBytes);
  let bytes = header.copy(part);
  const fields = new FieldScanner(message);
  while (fields.next()) {
    const item = kind.fields[fields.tag];
    if (item === undefined) continue;
    for (const field of splitField(fields, item, maxBytes - header.length)) {
      if (bytes + field.length > maxBytes && bytes > header.length) {
        yield part.subarray(0, bytes);
        part = Buffer.allocUnsafe(maxBytes);
        bytes = header.copy(part);
      }
      if (bytes + field.length > maxBytes) yield Buffer.concat([header, field]);
      else bytes += field.copy(part, bytes);
    }
  }
  if (bytes > header.length) yield part.subarray(0, bytes);
}

/** Returns the value of a divisible field as one or more fields with their tags. */
function* splitField(
  { message, tag, start, valueStart, end }: FieldScanner,
  kind: MessageKind | null,
  maxBytes: number,
): Generator<Buffer, void, undefined> {
  if (kind === null || end - start <= maxBytes) {
    yield message.subarray(start, end);
    return;
  }
  const value = message.subarray(valueStart, end);
  for (const part of splitMessage(value, kind, maxBytes - MAX_PREFIX_BYTES)) {
    yield Buffer.concat([encodePrefix(tag, part.length), part]);
  }
}

/**
 * Returns the fields that each part repeats. Returns undefined if the message is malformed or can't be divided. For
 * a malformed message, the decoder then reports the fault.
 */
function readHeader(message: Buffer, kind: MessageKind): Buffer | undefined {
  const copied: Buffer[] = [];
  let itemTag: number | undefined;
  const fields = new FieldScanner(message);
  while (fields.next()) {
    const { tag, start, end } = fields;
    if (kind.fields[tag] === undefined) {
      copied.push(message.subarray(start, end));
      if (copied.length > MAX_COPIED_FIELDS) return undefined;
    } else {
      // A metric has only one kind of data. If it contains several, the last one counts.
      itemTag ??= tag;
      if (tag !== itemTag) return undefined;
    }
  }
  return fields.isMalformed ? undefined : Buffer.concat(copied);
}

/** Reads the fields of a message one after the other, without their values. */
class FieldScanner {
  readonly message: Buffer;
  tag = 0;
  /** Start of the field, with its tag. */
  start = 0;
  /** Start of the value, without its length. */
  valueStart = 0;
  end = 0;
  isMalformed = false;
  #position = 0;

  constructor(message: Buffer) {
    this.message = message;
  }

  /** Reads the next field. Returns false at the end of the message, and if the message is malformed. */
  next(): boolean {
    if (this.end >= this.message.length) return false;
    this.start = this.end;
    this.#position = this.start;
    this.tag = this.#readVarint();
    const type = this.tag % 8;
    if (type === LENGTH_DELIMITED) {
      const length = this.#readVarint();
      this.valueStart = this.#position;
      this.#position += length;
    } else if (type === VARINT) this.#readVarint();
    else if (type === FIXED64) this.#position += 8;
    else if (type === FIXED32) this.#position += 4;
    else this.#position = Number.NaN;
    this.end = this.#position;
    this.isMalformed = !(this.end <= this.message.length);
    return !this.isMalformed;
  }

  /** Returns NaN at the end of the message, and for a varint of more than ten bytes. */
  #readVarint(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 63; factor *= 128) {
      const byte = this.message[this.#position++] ?? Number.NaN;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    this.#position = Number.NaN;
    return Number.NaN;
  }
}

function encodePrefix(tag: number, length: number): Buffer {
  const bytes = [tag];
  let rest = length;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
