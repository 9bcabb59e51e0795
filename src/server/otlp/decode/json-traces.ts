import type {
  OtelResourceSpans,
  OtelScopeSpans,
  OtelSpan,
  OtelSpanEvent,
} from '../../../core/otel/span-data.ts';
import { NO_ATTRIBUTES } from './attribute-set.ts';
import type { DecodeSession } from './decode-session.ts';
import type { DecodeRejectReason } from './decoded-request.ts';
import { countSpans, toSpanKind, toSpanStatus } from './decoded-span.ts';
import { JsonAttributes } from './json-attributes.ts';
import type { JsonMessage } from './json-message.ts';
import { readJsonScope } from './json-scope.ts';
import { parseTraceContextId, SPAN_ID_BYTES, TRACE_ID_BYTES } from './trace-context-id.ts';

const KIND_NAMES = [
  'SPAN_KIND_UNSPECIFIED',
  'SPAN_KIND_INTERNAL',
  'SPAN_KIND_SERVER',
  'SPAN_KIND_CLIENT',
  'SPAN_KIND_PRODUCER',
  'SPAN_KIND_CONSUMER',
];
const STATUS_NAMES = ['STATUS_CODE_UNSET', 'STATUS_CODE_OK', 'STATUS_CODE_ERROR'];

/** Reads an `ExportTraceServiceRequest` in JSON. */
export class JsonTraces {
  readonly #session: DecodeSession;
  readonly #attributes: JsonAttributes;

  constructor(session: DecodeSession) {
    this.#session = session;
    this.#attributes = new JsonAttributes(session);
  }

  readRequest(request: JsonMessage): OtelResourceSpans[] {
    const resources: OtelResourceSpans[] = [];
    for (const message of request.messages('resourceSpans')) {
      const resourceMessage = message.message('resource');
      const resource = resourceMessage
        ? this.#attributes.readShared(resourceMessage, 'attributes')
        : NO_ATTRIBUTES;
      const scopes = message.messages('scopeSpans').map((scope) => this.#readScopeSpans(scope));
      if (typeof resource === 'string') this.#session.reject(resource, countSpans(scopes));
      else resources.push({ resource, scopes });
    }
    return resources;
  }

  #readScopeSpans(message: JsonMessage): OtelScopeSpans {
    const spans: OtelSpan[] = [];
    for (const spanMessage of message.messages('spans')) {
      const span = this.#readSpan(spanMessage);
      if (typeof span === 'object') spans.push(span);
      else this.#session.reject(span);
    }
    return { scope: readJsonScope(message, this.#session), spans };
  }

  #readSpan(message: JsonMessage): OtelSpan | DecodeRejectReason {
    const traceId = parseTraceContextId(message.text('traceId'), TRACE_ID_BYTES);
    const spanId = parseTraceContextId(message.text('spanId'), SPAN_ID_BYTES);
    const parentSpanId = parseTraceContextId(message.text('parentSpanId'), SPAN_ID_BYTES);
    const status = message.message('status');
    const attributes = this.#attributes.readShortened(message, 'attributes');
    const events = this.#readEvents(message);
    const span = {
      parentSpanId,
      name: this.#readText(message, 'name'),
      kind: toSpanKind(message.enumNumber('kind', KIND_NAMES)),
      startTimeMs: message.timeMs('startTimeUnixNano'),
      endTimeMs: message.timeMs('endTimeUnixNano'),
      status: toSpanStatus(status?.enumNumber('code', STATUS_NAMES) ?? 0),
      statusMessage: (status && this.#readText(status, 'message')) || undefined,
    };
    if (typeof attributes === 'string') return attributes;
    if (typeof events === 'string') return events;
    if (!traceId || !spanId) return 'invalid_span_id';
    return { traceId, spanId, ...span, attributes, events };
  }

  #readEvents(span: JsonMessage): OtelSpanEvent[] | DecodeRejectReason {
    let fault: DecodeRejectReason | undefined;
    const events: OtelSpanEvent[] = [];
    for (const message of span.messages('events')) {
      const name = this.#readText(message, 'name');
      const timeMs = message.timeMs('timeUnixNano');
      const attributes = this.#attributes.readShortened(message, 'attributes');
      if (typeof attributes === 'string') fault ??= attributes;
      else events.push({ name, timeMs, attributes });
    }
    return fault ?? events;
  }

  #readText(message: JsonMessage, field: string): string {
    return this.#attributes.shorten(message.text(field) ?? '');
  }
}
