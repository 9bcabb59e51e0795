import type { OtelScope } from '../../../core/otel/metric-data.ts';
import type {
  OtelResourceSpans,
  OtelScopeSpans,
  OtelSpan,
  OtelSpanEvent,
} from '../../../core/otel/span-data.ts';
import { AttributeSet, type AttributesResult, NO_ATTRIBUTES } from './attribute-set.ts';
import { type DecodeSession, OBJECT_BYTES } from './decode-session.ts';
import type { DecodeRejectReason } from './decoded-request.ts';
import { countSpans, toSpanKind, toSpanStatus } from './decoded-span.ts';
import { ProtobufAttributes } from './protobuf-attributes.ts';
import type { MessageType, ProtobufReader } from './protobuf-reader.ts';
import { readResource, readScope } from './protobuf-resource.ts';
import { SPAN_ID_BYTES, TRACE_ID_BYTES, toTraceContextId } from './trace-context-id.ts';

const REQUEST: MessageType = { name: 'ExportTraceServiceRequest', fields: { 1: 'resource_spans' } };
const RESOURCE_SPANS: MessageType = {
  name: 'ResourceSpans',
  fields: { 1: 'resource', 2: 'scope_spans', 3: 'schema_url' },
};
const SCOPE_SPANS: MessageType = {
  name: 'ScopeSpans',
  fields: { 1: 'scope', 2: 'spans', 3: 'schema_url' },
};
const SPAN: MessageType = {
  name: 'Span',
  fields: {
    1: 'trace_id',
    2: 'span_id',
    4: 'parent_span_id',
    5: 'name',
    6: 'kind',
    7: 'start_time_unix_nano',
    8: 'end_time_unix_nano',
    9: 'attributes',
    11: 'events',
    15: 'status',
  },
};
const EVENT: MessageType = {
  name: 'Event',
  fields: { 1: 'time_unix_nano', 2: 'name', 3: 'attributes' },
};
const STATUS: MessageType = { name: 'Status', fields: { 2: 'message', 3: 'code' } };

interface StatusFields {
  code: number;
  message: string | undefined;
}

/** Reads an `ExportTraceServiceRequest`. Each case is the tag of a field: number * 8 + wire type. */
export class ProtobufTraces {
  readonly #reader: ProtobufReader;
  readonly #session: DecodeSession;
  readonly #attributes: ProtobufAttributes;
  /** Why a part of the current span exceeds a limit. */
  #fault: DecodeRejectReason | undefined;

  constructor(reader: ProtobufReader, session: DecodeSession) {
    this.#reader = reader;
    this.#session = session;
    this.#attributes = new ProtobufAttributes(reader, session);
  }

  readRequest(): OtelResourceSpans[] {
    const reader = this.#reader;
    const resources: OtelResourceSpans[] = [];
    while (reader.hasField) {
      const tag = reader.tag();
      if (tag === 0x0a) this.#readResourceSpans(resources);
      else reader.skip(tag, REQUEST);
    }
    return resources;
  }

  #readResourceSpans(resources: OtelResourceSpans[]): void {
    const reader = this.#reader;
    this.#session.spend(OBJECT_BYTES);
    const outerEnd = reader.startMessage();
    let resource: AttributesResult = NO_ATTRIBUTES;
    const scopes: OtelScopeSpans[] = [];
    while (reader.hasField) {
      const tag = reader.tag();
      if (tag === 0x0a) resource = readResource(reader, this.#attributes, resource);
      else if (tag === 0x12) scopes.push(this.#readScopeSpans());
      else if (tag === 0x1a) reader.skipLength();
      else reader.skip(tag, RESOURCE_SPANS);
    }
    reader.endMessage(outerEnd);
    if (typeof resource === 'string') this.#session.reject(resource, countSpans(scopes));
    else resources.push({ resource, scopes });
  }

  #readScopeSpans(): OtelScopeSpans {
    const reader = this.#reader;
    this.#session.spend(OBJECT_BYTES);
    const outerEnd = reader.startMessage();
    let scope: OtelScope = { name: '' };
    let schemaUrl: string | undefined;
    const spans: OtelSpan[] = [];
    while (reader.hasField) {
      const tag = reader.tag();
      if (tag === 0x0a) scope = readScope(reader, this.#session, scope);
      else if (tag === 0x12) {
        const span = this.#readSpan();
        if (typeof span === 'object') spans.push(span);
        else this.#session.reject(span);
      } else if (tag === 0x1a) schemaUrl = reader.string(this.#session.limits.maxStringBytes);
      else reader.skip(tag, SCOPE_SPANS);
    }
    reader.endMessage(outerEnd);
    return { scope: { ...scope, schemaUrl: schemaUrl || undefined }, spans };
  }

  #readSpan(): OtelSpan | DecodeRejectReason {
    const reader = this.#reader;
    const { limits } = this.#session;
    this.#session.spend(2 * OBJECT_BYTES);
    this.#fault = undefined;
    const outerEnd = reader.startMessage();
    let traceId: string | undefined;
    let spanId: string | undefined;
    let parentSpanId: string | undefined;
    let name = '';
    let kind = 0;
    let startTimeMs = 0;
    let endTimeMs = 0;
    const attributes = new AttributeSet(limits);
    const events: OtelSpanEvent[] = [];
    const status: StatusFields = { code: 0, message: undefined };
    while (reader.hasField) {
      const tag = reader.tag();
      switch (tag) {
        case 0x0a:
          traceId = toTraceContextId(reader.bytes(), TRACE_ID_BYTES);
          break;
        case 0x12:
          spanId = toTraceContextId(reader.bytes(), SPAN_ID_BYTES);
          break;
        case 0x22:
          parentSpanId = toTraceContextId(reader.bytes(), SPAN_ID_BYTES);
          break;
        case 0x2a:
          name = this.#attributes.readText();
          break;
        case 0x30:
          kind = reader.uint32();
          break;
        case 0x39:
          startTimeMs = reader.timeMs();
          break;
        case 0x41:
          endTimeMs = reader.timeMs();
          break;
        case 0x4a:
          this.#attributes.readShortened(attributes);
          break;
        case 0x5a:
          this.#readEvent(events);
          break;
        case 0x7a:
          this.#readStatus(status);
          break;
        default:
          reader.skip(tag, SPAN);
      }
    }
    reader.endMessage(outerEnd);
    const result = attributes.result();
    if (typeof result === 'string') return result;
    if (this.#fault) return this.#fault;
    if (!traceId || !spanId) return 'invalid_span_id';
    return {
      traceId,
      spanId,
      parentSpanId,
      name,
      kind: toSpanKind(kind),
      startTimeMs,
      endTimeMs,
      attributes: result,
      status: toSpanStatus(status.code),
      statusMessage: status.message || undefined,
      events,
    };
  }

  #readEvent(events: OtelSpanEvent[]): void {
    const reader = this.#reader;
    this.#session.spend(OBJECT_BYTES);
    const outerEnd = reader.startMessage();
    let name = '';
    let timeMs = 0;
    const set = new AttributeSet(this.#session.limits);
    while (reader.hasField) {
      const tag = reader.tag();
      if (tag === 0x09) timeMs = reader.timeMs();
      else if (tag === 0x12) name = this.#attributes.readText();
      else if (tag === 0x1a) this.#attributes.readShortened(set);
      else reader.skip(tag, EVENT);
    }
    reader.endMessage(outerEnd);
    const attributes = set.result();
    if (typeof attributes === 'string') this.#fault ??= attributes;
    else events.push({ name, timeMs, attributes });
  }

  #readStatus(status: StatusFields): void {
    const reader = this.#reader;
    const outerEnd = reader.startMessage();
    while (reader.hasField) {
      const tag = reader.tag();
      if (tag === 0x12) status.message = this.#attributes.readText();
      else if (tag === 0x18) status.code = reader.uint32();
      else reader.skip(tag, STATUS);
    }
    reader.endMessage(outerEnd);
  }
}
