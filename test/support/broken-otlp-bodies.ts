import { createRandom } from './random.ts';

/** Values that decoders often handle wrongly: lengths and integers of many bytes, tags of groups, and ends of strings. */
const PROTOBUF_PARTS = [
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
  [0x0b, 0x13, 0x1b, 0x23],
  [0x0c, 0x14],
  [0x00],
  [0x0a, 0x00],
  [0x0a, 0x7f],
  [0xc3, 0x28],
].map((bytes) => Buffer.from(bytes));
const JSON_PARTS = [
  'null',
  '{}',
  '[',
  ']',
  '[[[[[[[[',
  '{"a":',
  '"',
  '\\',
  '\\ud800',
  '-',
  '1e999',
  '18446744073709551616',
  '"NaN"',
  ',',
  ':',
  '\0',
  '\xff',
  '{"__proto__":{"toString":1}}',
  '"arrayValue":{"values":[',
].map((text) => Buffer.from(text, 'latin1'));

/** Creates bodies that are truncated, changed, or random. The same seed gives the same bodies. */
export class BrokenOtlpBodies {
  readonly #random: () => number;
  readonly #validBodies: readonly Buffer[];

  /** @param validBodies bodies that the generator changes */
  constructor(seed: number, validBodies: readonly Buffer[]) {
    this.#random = createRandom(seed);
    this.#validBodies = validBodies;
  }

  next(): Buffer {
    const valid = this.#pick(this.#validBodies);
    const isJson = valid[0] === 0x7b;
    const parts = isJson ? JSON_PARTS : PROTOBUF_PARTS;
    switch (this.#below(8)) {
      case 0:
        return valid.subarray(0, this.#below(valid.length));
      case 1:
        return this.#flipBits(valid, 1);
      case 2:
        return this.#flipBits(valid, 1 + this.#below(20));
      case 3:
        return this.#splice(valid, this.#pick(parts));
      case 4:
        return this.#splice(this.#splice(valid, this.#pick(parts)), this.#pick(parts));
      case 5:
        return this.#splice(valid, this.#slice(this.#pick(this.#validBodies)));
      case 6:
        return this.#randomBytes(this.#below(200));
      default:
        return isJson ? this.#nestJson() : this.#nestMessages();
    }
  }

  #below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)]!;
  }

  #slice(body: Buffer): Buffer {
    const start = this.#below(body.length);
    return body.subarray(start, start + this.#below(100));
  }

  #flipBits(body: Buffer, count: number): Buffer {
    const changed = Buffer.from(body);
    for (let i = 0; i < count; i++) changed[this.#below(body.length)]! ^= 1 << this.#below(8);
    return changed;
  }

  /** Inserts a part, or replaces other bytes by the part. */
  #splice(body: Buffer, part: Buffer): Buffer {
    const at = this.#below(body.length);
    const removed = this.#random() < 0.5 ? 0 : this.#below(20);
    return Buffer.concat([body.subarray(0, at), part, body.subarray(at + removed)]);
  }

  #randomBytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.#below(256)));
  }

  /** Nests messages in fields with small random numbers, up to 3,000 levels deep. */
  #nestMessages(): Buffer {
    const levels = this.#below(this.#random() < 0.1 ? 3000 : 60);
    const headers: Buffer[] = [];
    let length = 0;
    for (let level = 0; level < levels; level++) {
      const field = this.#random() < 0.5 ? 5 : 1 + this.#below(12);
      const header = [field * 8 + 2];
      let rest = length;
      for (; rest >= 0x80; rest >>>= 7) header.push((rest & 0x7f) | 0x80);
      header.push(rest);
      headers.push(Buffer.from(header));
      length += header.length;
    }
    return Buffer.concat(headers.reverse());
  }

  #nestJson(): Buffer {
    const levels = this.#below(this.#random() < 0.1 ? 3000 : 200);
    const open = this.#pick(['[', '{"a":', '{"arrayValue":{"values":[', '{"value":']);
    return Buffer.from(`{"resourceMetrics":[{"resource":${open.repeat(levels)}`);
  }
}
