import { describe, expect, it } from 'vitest';
import { ProtobufWriter } from '../../../../../src/core/protobuf/protobuf-writer.ts';
import {
  decodeMetricsProtobuf,
  decodeTracesProtobuf,
} from '../../../../../src/server/otlp/decode/decode-protobuf.ts';
import { OtlpDecodeError } from '../../../../../src/server/otlp/decode/otlp-decode-error.ts';

/** Writes nested messages with these field numbers around the content. */
function wrap(fields: readonly number[], write: (writer: ProtobufWriter) => void): Buffer {
  const writer = new ProtobufWriter();
  const starts = fields.map((field) => writer.startMessage(field));
  write(writer);
  for (const start of starts.reverse()) writer.endMessage(start);
  return writer.finish();
}

/** Fields from the request to a metric, and to a point of a gauge. */
const METRIC = [1, 2, 2];
const GAUGE_POINT = [...METRIC, 5, 1];
const HISTOGRAM_POINT = [...METRIC, 9, 1];
const raw = (...bytes: number[]) => Buffer.from(bytes);

describe('malformed protobuf', () => {
  it.each<[string, Buffer, string, RegExp]>([
    ['a missing length', raw(0x0a), 'byte 1', /ends in the middle of a field/],
    ['a length beyond the end', raw(0x0a, 0x05, 0x00), 'byte 1', /5 bytes exceeds the 1 bytes/],
    [
      'a huge length',
      raw(0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
      'byte 1',
      /a length of \d+ bytes exceeds/,
    ],
    [
      'a length beyond the outer message',
      raw(0x0a, 0x02, 0x12, 0x02, 0x00, 0x00),
      'byte 3',
      /2 bytes exceeds the 0 bytes/,
    ],
    [
      'an integer of eleven bytes',
      raw(0x10, ...Array(10).fill(0x80), 0x01),
      'byte 11',
      /more than 64 bits/,
    ],
    [
      'an integer of 65 bits',
      raw(0x10, ...Array(9).fill(0xff), 0x02),
      'byte 11',
      /more than 64 bits/,
    ],
    ['a field number of 0', raw(0x02, 0x00), 'byte 0', /field number 0 is invalid/],
    ['an invalid wire type', raw(0x17), 'byte 1', /wire type 7 is invalid/],
    ['the end of a group', raw(0x14), 'byte 1', /group ends that has not started/],
    ['the end of another group', raw(0x13, 0x1c), 'byte 2', /group ends that has not started/],
    ['a group without an end', raw(0x13, 0x18, 0x01), 'byte 3', /ends in the middle of a field/],
    ['groups in groups', Buffer.alloc(1000, 0x13), 'byte 33', /nested too deeply/],
    [
      'a field with another wire type',
      raw(0x08, 0x01),
      'byte 1',
      /ExportMetricsServiceRequest\.resource_metrics has the wire type 0/,
    ],
    [
      'an integer as the name of a metric',
      wrap(METRIC, (writer) => writer.uint32(1, 5)),
      'byte 7',
      /Metric\.name has the wire type 0/,
    ],
    [
      'a varint as the time of a point',
      wrap(GAUGE_POINT, (writer) => writer.uint32(3, 5)),
      'byte 11',
      /NumberDataPoint\.time_unix_nano has the wire type 0/,
    ],
    [
      'packed buckets with half an element',
      wrap(HISTOGRAM_POINT, (writer) => writer.bytes(6, Buffer.alloc(12))),
      'byte 20',
      /ends in the middle of a field/,
    ],
    [
      'a name that is not UTF-8',
      wrap(METRIC, (writer) => writer.bytes(1, raw(0x61, 0xff))),
      'byte 8',
      /not valid UTF-8/,
    ],
    [
      'an attribute that is not UTF-8',
      wrap([...GAUGE_POINT, 7, 2], (writer) => writer.bytes(1, raw(0xc3))),
      'byte 16',
      /not valid UTF-8/,
    ],
  ])('reports %s with its position', (_name, body, position, reason) => {
    const error = catchError(() => decodeMetricsProtobuf(body));
    expect(error).toBeInstanceOf(OtlpDecodeError);
    expect(error).toMatchObject({ position, reason: expect.stringMatching(reason) });
  });

  it('is reported in spans, too', () => {
    const body = wrap([1, 2, 2], (writer) => writer.uint32(1, 5));
    expect(catchError(() => decodeTracesProtobuf(body))).toMatchObject({
      reason: expect.stringMatching(/Span\.trace_id has the wire type 0/),
    });
  });

  it('is reported for every prefix of a request that ends within a field', () => {
    const body = wrap(GAUGE_POINT, (writer) => {
      writer.double(4, 1);
      const start = writer.startMessage(7);
      writer.string(1, 'key');
      writer.endMessage(start);
    });
    for (let length = 1; length < body.length; length++) {
      const prefix = body.subarray(0, length);
      expect(catchError(() => decodeMetricsProtobuf(prefix))).toBeInstanceOf(OtlpDecodeError);
    }
  });
});

describe('unusual, but valid protobuf', () => {
  const readPoint = (body: Buffer) =>
    decodeMetricsProtobuf(body).resources[0]?.scopes[0]?.metrics[0]?.points[0];

  it('is accepted without any data', () => {
    expect(decodeMetricsProtobuf(Buffer.alloc(0))).toMatchObject({ resources: [], points: 0 });
    expect(decodeTracesProtobuf(Buffer.alloc(0))).toMatchObject({ resources: [], spans: 0 });
  });

  it('contains unknown fields of each wire type', () => {
    const body = wrap(GAUGE_POINT, (writer) => {
      writer.uint32(100, 1);
      writer.double(101, 1);
      writer.string(102, 'text');
      writer.double(4, 7);
    });
    expect(readPoint(body)).toMatchObject({ value: 7 });
    const groupAndFixed32 = raw(0x13, 0x1b, 0x10, 0x05, 0x1c, 0x14, 0x1d, 0, 0, 0, 0);
    expect(decodeMetricsProtobuf(Buffer.concat([groupAndFixed32, body])).points).toBe(1);
  });

  it('has unpacked and packed buckets in one point', () => {
    const body = wrap(HISTOGRAM_POINT, (writer) => {
      writer.fixed64(6, 1);
      writer.packedFixed64(6, [2, 3]);
      writer.fixed64(6, 2 ** 60);
      writer.double(7, 0.5);
      writer.packedDoubles(7, [1, Infinity]);
    });
    expect(readPoint(body)).toMatchObject({
      bucketCounts: [1, 2, 3, 2 ** 60],
      bounds: [0.5, 1, Infinity],
    });
  });

  it('repeats fields: the last value counts, and messages are merged', () => {
    const body = wrap(GAUGE_POINT, (writer) => {
      writer.double(4, 1);
      writeAttribute(writer, 'a', 'old');
      writer.double(4, 2);
      writeAttribute(writer, 'b', 'new');
      writeAttribute(writer, 'a', 'new');
    });
    expect(readPoint(body)).toMatchObject({ value: 2, attributes: { a: 'new', b: 'new' } });

    const resources = wrap([1], (writer) => {
      for (const key of ['service.name', 'host.name']) {
        const start = writer.startMessage(1);
        writeAttribute(writer, key, key, 1);
        writer.endMessage(start);
      }
    });
    expect(decodeMetricsProtobuf(resources).resources[0]?.resource).toEqual({
      'service.name': 'service.name',
      'host.name': 'host.name',
    });
  });

  it('has several kinds of data: the last kind counts, and repeated data is merged', () => {
    const body = wrap(METRIC, (writer) => {
      for (const field of [7, 5, 5]) {
        const data = writer.startMessage(field);
        writer.endMessage(writer.startMessage(1));
        writer.endMessage(data);
      }
    });
    const { resources, points } = decodeMetricsProtobuf(body);
    expect(resources[0]?.scopes[0]?.metrics[0]?.kind).toBe('gauge');
    expect(points).toBe(2);
  });

  it('returns an integer that no number represents as text, so that IDs stay different', () => {
    const body = wrap([...GAUGE_POINT, 7], (writer) => {
      writer.string(1, 'id');
      const value = writer.startMessage(2);
      writer.int64(3, 2 ** 62);
      writer.endMessage(value);
    });
    expect(readPoint(body)?.attributes).toEqual({ id: '4611686018427387904' });
  });

  it('returns one object for the equal attributes of different requests', () => {
    const body = (value: number) =>
      wrap(GAUGE_POINT, (writer) => {
        writer.double(4, value);
        writeAttribute(writer, 'http.route', '/rooms');
        writeAttribute(writer, 'http.request.method', 'GET');
      });
    const [first, second] = [readPoint(body(1)), readPoint(body(2))];
    expect(second?.attributes).toBe(first?.attributes);
    expect(first?.attributes).toEqual({ 'http.route': '/rooms', 'http.request.method': 'GET' });
  });
});

function writeAttribute(writer: ProtobufWriter, key: string, text: string, field = 7): void {
  const start = writer.startMessage(field);
  writer.string(1, key);
  const value = writer.startMessage(2);
  writer.string(1, text);
  writer.endMessage(value);
  writer.endMessage(start);
}

function catchError(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return error;
  }
}
