import type { OtelExemplar } from '../../../core/otel/metric-data.ts';
import { NO_RECORDED_VALUE } from '../../../core/otel/otlp-enums.ts';
import { type AttributesResult, NO_ATTRIBUTES } from './attribute-set.ts';
import { type DecodeSession, ELEMENT_BYTES, OBJECT_BYTES } from './decode-session.ts';
import type { DecodeRejectReason } from './decoded-request.ts';
import { EXEMPLAR } from './point-message-types.ts';
import type { ProtobufAttributes } from './protobuf-attributes.ts';
import type { ProtobufReader } from './protobuf-reader.ts';
import { SPAN_ID_BYTES, TRACE_ID_BYTES, toTraceContextId } from './trace-context-id.ts';

/** A point, or why it was rejected. */
export type PointResult<P> = P | DecodeRejectReason;

/** Reads the parts that several kinds of points have. */
export class ProtobufPointParts {
  readonly reader: ProtobufReader;
  readonly attributes: ProtobufAttributes;
  readonly #session: DecodeSession;
  /** Why a part of the current point exceeds a limit. */
  fault: DecodeRejectReason | undefined;

  constructor(reader: ProtobufReader, session: DecodeSession, attributes: ProtobufAttributes) {
    this.reader = reader;
    this.#session = session;
    this.attributes = attributes;
  }

  /** Starts a point. Returns the end of the outer message. */
  start(): number {
    this.#session.spend(OBJECT_BYTES);
    this.fault = undefined;
    return this.reader.startMessage();
  }

  /** Adds a bucket, a bound, or a quantile to a list. */
  add<T>(list: T[], element: T): void {
    if (list.length > this.#session.limits.maxBuckets) this.fault ??= 'too_many_buckets';
    else {
      this.#session.spend(ELEMENT_BYTES);
      list.push(element);
    }
  }

  addPackedDoubles(list: number[]): void {
    const { reader } = this;
    const outerEnd = reader.startMessage();
    while (reader.position < reader.end) this.add(list, reader.double());
    reader.endMessage(outerEnd);
  }

  addPackedFixed64(list: number[]): void {
    const { reader } = this;
    const outerEnd = reader.startMessage();
    while (reader.position < reader.end) this.add(list, reader.fixed64());
    reader.endMessage(outerEnd);
  }

  addPackedVarints(list: number[]): void {
    const { reader } = this;
    const outerEnd = reader.startMessage();
    while (reader.position < reader.end) this.add(list, reader.varint());
    reader.endMessage(outerEnd);
  }

  addExemplar(list: OtelExemplar[] | undefined): OtelExemplar[] {
    const { reader } = this;
    this.#session.spend(OBJECT_BYTES);
    const outerEnd = reader.startMessage();
    let timeMs = 0;
    let value = Number.NaN;
    let traceId: string | undefined;
    let spanId: string | undefined;
    let attributes: AttributesResult = NO_ATTRIBUTES;
    while (reader.hasField) {
      const tagStart = reader.position;
      const tag = reader.tag();
      if (tag === 0x11) timeMs = reader.timeMs();
      else if (tag === 0x19) value = reader.double();
      else if (tag === 0x22) spanId = toTraceContextId(reader.bytes(), SPAN_ID_BYTES);
      else if (tag === 0x2a) traceId = toTraceContextId(reader.bytes(), TRACE_ID_BYTES);
      else if (tag === 0x31) value = reader.sfixed64();
      else if (tag === 0x3a) {
        attributes = this.attributes.readShared(tag, tagStart, attributes);
      } else reader.skip(tag, EXEMPLAR);
    }
    reader.endMessage(outerEnd);
    const exemplars = list ?? [];
    if (typeof attributes === 'string') this.fault ??= attributes;
    else if (attributes === NO_ATTRIBUTES) exemplars.push({ timeMs, value, traceId, spanId });
    else exemplars.push({ timeMs, value, traceId, spanId, attributes });
    return exemplars;
  }
}

export function hasNoRecordedValue(flags: number): true | undefined {
  return (flags & NO_RECORDED_VALUE) !== 0 || undefined;
}
