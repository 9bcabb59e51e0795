import fc from 'fast-check';
import protobuf from 'protobufjs';
import { expect, it } from 'vitest';
import { ProtobufWriter } from '../../../../src/core/protobuf/protobuf-writer.ts';

const { root } = protobuf.parse(`
  syntax = "proto3";
  message All {
    bool flag = 1;
    uint32 unsigned = 2;
    sint32 zigzag = 3;
    int64 long = 4;
    double number = 5;
    fixed64 fixed = 6;
    string text = 16;
    bytes data = 2047;
    repeated double doubles = 2048;
    repeated fixed64 fixeds = 9;
    repeated uint64 longs = 10;
    All nested = 11;
  }
`);
const All = root.lookupType('All');

interface Fields {
  flag: boolean;
  unsigned: number;
  zigzag: number;
  long: number;
  number: number;
  fixed: number;
  text: string;
  data: Buffer;
  doubles: number[];
  fixeds: number[];
  longs: number[];
  nested?: Fields | undefined;
}

function write(writer: ProtobufWriter, fields: Fields): void {
  writer.bool(1, fields.flag);
  writer.uint32(2, fields.unsigned);
  writer.sint32(3, fields.zigzag);
  writer.int64(4, fields.long);
  writer.double(5, fields.number);
  writer.fixed64(6, fields.fixed);
  writer.string(16, fields.text);
  writer.bytes(2047, fields.data);
  writer.packedDoubles(2048, fields.doubles);
  writer.packedFixed64(9, fields.fixeds);
  writer.packedUint64(10, fields.longs);
  if (!fields.nested) return;
  const start = writer.startMessage(11);
  write(writer, fields.nested);
  writer.endMessage(start);
}

const plain = {
  flag: fc.boolean(),
  unsigned: fc.nat(2 ** 32 - 1),
  zigzag: fc.integer(),
  long: fc.maxSafeInteger(),
  number: fc.double(),
  fixed: fc.maxSafeNat(),
  // Long enough for lengths of one, two, and three bytes.
  text: fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.nat(20_000).map((n) => 'é'.repeat(n)),
  ),
  data: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  doubles: fc.array(fc.double()),
  fixeds: fc.array(fc.maxSafeNat()),
  longs: fc.array(fc.maxSafeNat()),
};
const fields = fc.letrec<{ fields: Fields }>((tie) => ({
  fields: fc.record({
    ...plain,
    nested: fc.option(tie('fields'), { nil: undefined, maxDepth: 3, depthSize: 'small' }),
  }),
})).fields;

it('writes each type so that protobufjs reads the same values', () => {
  fc.assert(
    fc.property(fields, (values) => {
      const writer = new ProtobufWriter();
      write(writer, values);
      const options = { longs: Number, arrays: true };
      expect(All.toObject(All.decode(writer.finish()), options)).toEqual(
        All.toObject(All.fromObject(values), options),
      );
    }),
  );
});

it.each([Number.NaN, Infinity, -1, 2 ** 64])('rejects %d as an unsigned integer', (value) => {
  const writer = new ProtobufWriter();
  expect(() => writer.uint32(1, value)).toThrow(RangeError);
  expect(() => writer.packedUint64(1, [value])).toThrow(RangeError);
  expect(() => writer.fixed64(1, value)).toThrow(RangeError);
  expect(() => writer.packedFixed64(1, [value])).toThrow(RangeError);
});
