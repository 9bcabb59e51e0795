import type {
  OtelExemplar,
  OtelNumberPoint,
  OtelSummaryPoint,
} from '../../../core/otel/metric-data.ts';
import { type AttributesResult, NO_ATTRIBUTES } from './attribute-set.ts';
import { NUMBER_POINT, QUANTILE, SUMMARY_POINT } from './point-message-types.ts';
import {
  hasNoRecordedValue,
  type PointResult,
  type ProtobufPointParts,
} from './protobuf-point-parts.ts';
import type { ProtobufReader } from './protobuf-reader.ts';

/** Reads a `NumberDataPoint`. Each case is the tag of a field: number * 8 + wire type. */
export function readNumberPoint(parts: ProtobufPointParts): PointResult<OtelNumberPoint> {
  const { reader } = parts;
  const outerEnd = parts.start();
  let attributes: AttributesResult = NO_ATTRIBUTES;
  let startTimeMs = 0;
  let timeMs = 0;
  let value = Number.NaN;
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
        value = reader.double();
        break;
      case 0x2a:
        exemplars = parts.addExemplar(exemplars);
        break;
      case 0x31:
        value = reader.sfixed64();
        break;
      case 0x3a:
        attributes = parts.attributes.readShared(tag, tagStart, attributes);
        break;
      case 0x40:
        flags = reader.uint32();
        break;
      default:
        reader.skip(tag, NUMBER_POINT);
    }
  }
  reader.endMessage(outerEnd);
  if (typeof attributes === 'string') return attributes;
  const hasNoValue = hasNoRecordedValue(flags);
  return parts.fault ?? { attributes, startTimeMs, timeMs, value, exemplars, hasNoValue };
}

/** Reads a `SummaryDataPoint`. */
export function readSummaryPoint(parts: ProtobufPointParts): PointResult<OtelSummaryPoint> {
  const { reader } = parts;
  const outerEnd = parts.start();
  let attributes: AttributesResult = NO_ATTRIBUTES;
  let startTimeMs = 0;
  let timeMs = 0;
  let count = 0;
  let sum = 0;
  const quantiles: { quantile: number; value: number }[] = [];
  let flags = 0;
  while (reader.position < reader.end) {
    const tagStart = reader.position;
    const tag = reader.tag();
    if (tag === 0x11) startTimeMs = reader.timeMs();
    else if (tag === 0x19) timeMs = reader.timeMs();
    else if (tag === 0x21) count = reader.fixed64();
    else if (tag === 0x29) sum = reader.double();
    else if (tag === 0x32) parts.add(quantiles, readQuantile(reader));
    else if (tag === 0x3a) attributes = parts.attributes.readShared(tag, tagStart, attributes);
    else if (tag === 0x40) flags = reader.uint32();
    else reader.skip(tag, SUMMARY_POINT);
  }
  reader.endMessage(outerEnd);
  if (typeof attributes === 'string') return attributes;
  const hasNoValue = hasNoRecordedValue(flags);
  return parts.fault ?? { attributes, startTimeMs, timeMs, count, sum, quantiles, hasNoValue };
}

function readQuantile(reader: ProtobufReader): { quantile: number; value: number } {
  const outerEnd = reader.startMessage();
  let quantile = 0;
  let value = 0;
  while (reader.hasField) {
    const tag = reader.tag();
    if (tag === 0x09) quantile = reader.double();
    else if (tag === 0x11) value = reader.double();
    else reader.skip(tag, QUANTILE);
  }
  reader.endMessage(outerEnd);
  return { quantile, value };
}
