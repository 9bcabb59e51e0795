import type {
  OtelExemplar,
  OtelExponentialHistogramPoint,
  OtelHistogramPoint,
} from '../../../core/otel/metric-data.ts';
import { type AttributesResult, NO_ATTRIBUTES } from './attribute-set.ts';
import { BUCKETS, EXPONENTIAL_POINT, HISTOGRAM_POINT } from './point-message-types.ts';
import {
  hasNoRecordedValue,
  type PointResult,
  type ProtobufPointParts,
} from './protobuf-point-parts.ts';

interface Buckets {
  offset: number;
  bucketCounts: number[];
}

/** Reads a `HistogramDataPoint`. Each case is the tag of a field: number * 8 + wire type. */
export function readHistogramPoint(parts: ProtobufPointParts): PointResult<OtelHistogramPoint> {
  const { reader } = parts;
  const outerEnd = parts.start();
  let attributes: AttributesResult = NO_ATTRIBUTES;
  let startTimeMs = 0;
  let timeMs = 0;
  let count = 0;
  let sum: number | undefined;
  let min: number | undefined;
  let max: number | undefined;
  const bucketCounts: number[] = [];
  const bounds: number[] = [];
  let exemplars: OtelExemplar[] | undefined;
  let flags = 0;
  while (reader.position < reader.end) {
    const tagStart = reader.position;
    const tag = reader.tag();
    switch (tag) {
      case 0x11:
        startTimeMs = reader.timeMs();
        break;
      case 0x19:
        timeMs = reader.timeMs();
        break;
      case 0x21:
        count = reader.fixed64();
        break;
      case 0x29:
        sum = reader.double();
        break;
      case 0x31:
        parts.add(bucketCounts, reader.fixed64());
        break;
      case 0x32:
        parts.addPackedFixed64(bucketCounts);
        break;
      case 0x39:
        parts.add(bounds, reader.double());
        break;
      case 0x3a:
        parts.addPackedDoubles(bounds);
        break;
      case 0x42:
        exemplars = parts.addExemplar(exemplars);
        break;
      case 0x4a:
        attributes = parts.attributes.readShared(tag, tagStart, attributes);
        break;
      case 0x50:
        flags = reader.uint32();
        break;
      case 0x59:
        min = reader.double();
        break;
      case 0x61:
        max = reader.double();
        break;
      default:
        reader.skip(tag, HISTOGRAM_POINT);
    }
  }
  reader.endMessage(outerEnd);
  if (typeof attributes === 'string') return attributes;
  const hasNoValue = hasNoRecordedValue(flags);
  const base = { attributes, startTimeMs, timeMs, exemplars, hasNoValue };
  return parts.fault ?? { ...base, count, sum, min, max, bounds, bucketCounts };
}

/** Reads an `ExponentialHistogramDataPoint`. */
export function readExponentialHistogramPoint(
  parts: ProtobufPointParts,
): PointResult<OtelExponentialHistogramPoint> {
  const { reader } = parts;
  const outerEnd = parts.start();
  let attributes: AttributesResult = NO_ATTRIBUTES;
  let startTimeMs = 0;
  let timeMs = 0;
  let count = 0;
  let sum: number | undefined;
  let min: number | undefined;
  let max: number | undefined;
  let scale = 0;
  let zeroCount = 0;
  let zeroThreshold = 0;
  const positive: Buckets = { offset: 0, bucketCounts: [] };
  const negative: Buckets = { offset: 0, bucketCounts: [] };
  let exemplars: OtelExemplar[] | undefined;
  let flags = 0;
  while (reader.position < reader.end) {
    const tagStart = reader.position;
    const tag = reader.tag();
    switch (tag) {
      case 0x0a:
        attributes = parts.attributes.readShared(tag, tagStart, attributes);
        break;
      case 0x11:
        startTimeMs = reader.timeMs();
        break;
      case 0x19:
        timeMs = reader.timeMs();
        break;
      case 0x21:
        count = reader.fixed64();
        break;
      case 0x29:
        sum = reader.double();
        break;
      case 0x30:
        scale = reader.sint32();
        break;
      case 0x39:
        zeroCount = reader.fixed64();
        break;
      case 0x42:
        readBuckets(parts, positive);
        break;
      case 0x4a:
        readBuckets(parts, negative);
        break;
      case 0x50:
        flags = reader.uint32();
        break;
      case 0x5a:
        exemplars = parts.addExemplar(exemplars);
        break;
      case 0x61:
        min = reader.double();
        break;
      case 0x69:
        max = reader.double();
        break;
      case 0x71:
        zeroThreshold = reader.double();
        break;
      default:
        reader.skip(tag, EXPONENTIAL_POINT);
    }
  }
  reader.endMessage(outerEnd);
  if (typeof attributes === 'string') return attributes;
  const hasNoValue = hasNoRecordedValue(flags);
  const base = { attributes, startTimeMs, timeMs, exemplars, hasNoValue };
  const zero = { zeroCount, zeroThreshold };
  return parts.fault ?? { ...base, count, sum, min, max, scale, ...zero, positive, negative };
}

function readBuckets(parts: ProtobufPointParts, buckets: Buckets): void {
  const { reader } = parts;
  const outerEnd = reader.startMessage();
  while (reader.hasField) {
    const tag = reader.tag();
    if (tag === 0x08) buckets.offset = reader.sint32();
    else if (tag === 0x10) parts.add(buckets.bucketCounts, reader.varint());
    else if (tag === 0x12) parts.addPackedVarints(buckets.bucketCounts);
    else reader.skip(tag, BUCKETS);
  }
  reader.endMessage(outerEnd);
}
