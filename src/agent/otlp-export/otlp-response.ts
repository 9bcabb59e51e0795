/*
 * Responses of an OTLP/HTTP endpoint (https://opentelemetry.io/docs/specs/otlp/#otlphttp-response). They come from another
 * program, so no function here throws.
 */
import { DAY_MS } from '../../core/duration.ts';
import type { HttpResponse } from '../../core/http/http-connection.ts';
import { redact } from '../../core/redact.ts';

const MAX_MESSAGE_LENGTH = 300;
/** Statuses after which the same request can succeed later. */
const RETRYABLE_STATUSES = new Set([429, 502, 503, 504]);

export function isRetryable(status: number): boolean {
  return RETRYABLE_STATUSES.has(status);
}

/** Data that an endpoint rejected although the response is a success. */
export interface PartialSuccess {
  /** Number of rejected points. 0 if the message is only a warning. */
  readonly rejected: number;
  readonly message: string;
}

/** Returns the partial success in a response with status 200, or undefined if all points were accepted. */
export function parsePartialSuccess(response: HttpResponse): PartialSuccess | undefined {
  const { rejected, message } = isJson(response)
    ? parseJsonPartialSuccess(response.body)
    : parseProtobufPartialSuccess(response.bodyBytes);
  return rejected > 0 || message !== '' ? { rejected, message: sanitize(message) } : undefined;
}

/** Returns the status and the reason in a response that isn't a success. */
export function describeFailure(response: HttpResponse): string {
  const { status, statusText } = response;
  // The reason is part of a sentence.
  const message = sanitize(readStatusMessage(response)).replace(/\.$/, '');
  return `HTTP ${status} ${message || statusText}`.trim();
}

/**
 * Returns how to correct a wrong path of the endpoint. Undefined for other statuses than 404, and for usual paths.
 *
 * @param url the complete URL to which the request was sent
 */
export function getPathAdvice(status: number, url: string): string | undefined {
  if (status !== 404) return undefined;
  const { pathname } = new URL(url);
  const [, appended] = /(\/v1\/(?:metrics|traces|logs))\/?\/v1\/metrics$/.exec(pathname) ?? [];
  if (appended !== undefined) {
    return `Remove \`${appended}\` from OTEL_EXPORTER_OTLP_ENDPOINT, because the agent appends \`/v1/metrics\``;
  }
  // Only this variable can contain another path.
  return pathname.endsWith('/v1/metrics')
    ? undefined
    : 'OTEL_EXPORTER_OTLP_METRICS_ENDPOINT must contain the complete path, usually `/v1/metrics`';
}

/**
 * Returns the time to wait before the next request, in ms, or undefined if the endpoint specifies none.
 *
 * @param text value of the header `Retry-After`: seconds, or a date
 */
export function parseRetryAfter(text: string | undefined, nowMs: number): number | undefined {
  if (!text) return undefined;
  const delayMs = /^\d+$/.test(text.trim())
    ? Number(text) * 1000
    : new Date(text).getTime() - nowMs;
  return Number.isNaN(delayMs) ? undefined : Math.min(DAY_MS, Math.max(0, delayMs));
}

function isJson({ headers }: HttpResponse): boolean {
  return headers.get('content-type')?.includes('json') === true;
}

function parseJsonPartialSuccess(body: string): PartialSuccess {
  const partial = getObject(getObject(parseJson(body))?.partialSuccess);
  // Protobuf writes 64-bit integers as text.
  const rejected = Number(partial?.rejectedDataPoints) || 0;
  const message = typeof partial?.errorMessage === 'string' ? partial.errorMessage : '';
  return { rejected: Math.max(0, rejected), message };
}

function parseProtobufPartialSuccess(body: Buffer): PartialSuccess {
  const partial = readFields(body)?.get(1);
  const fields = partial instanceof Buffer ? readFields(partial) : undefined;
  const rejected = fields?.get(1);
  const message = fields?.get(2);
  return {
    rejected: (typeof rejected === 'number' && rejected) || 0,
    message: message instanceof Buffer ? message.toString() : '',
  };
}

/** Reads the message of a `google.rpc.Status` or of problem details (RFC 9457), or a short text. */
function readStatusMessage(response: HttpResponse): string {
  const { headers, body, bodyBytes } = response;
  if (isJson(response)) {
    const { detail, message, error, title } = getObject(parseJson(body)) ?? {};
    const texts = [detail, message, getObject(error)?.message, error, title];
    return texts.find((text): text is string => typeof text === 'string' && text !== '') ?? '';
  }
  if (headers.get('content-type')?.includes('protobuf')) {
    const message = readFields(bodyBytes)?.get(2);
    return message instanceof Buffer ? message.toString() : '';
  }
  // A page of a proxy is not a reason.
  return /^\s*</.test(body) ? '' : body;
}

/** Removes line breaks and secrets. */
function sanitize(text: string): string {
  return redact(text.replace(/\p{C}+/gu, ' ').trim(), MAX_MESSAGE_LENGTH);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function getObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)
    : undefined;
}

/** Returns the last value of each varint field and each field with a length, or undefined for an invalid message. */
function readFields(message: Buffer): Map<number, number | Buffer> | undefined {
  const fields = new Map<number, number | Buffer>();
  let position = 0;
  const readVarint = () => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[position++];
      if (byte === undefined) return Number.NaN;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  while (position < message.length) {
    const tag = readVarint();
    const wireType = tag % 8;
    if (wireType === 0) fields.set(Math.floor(tag / 8), readVarint());
    else if (wireType === 2) {
      const length = readVarint();
      if (!(position + length <= message.length)) return undefined;
      fields.set(Math.floor(tag / 8), message.subarray(position, position + length));
      position += length;
    } else if (wireType === 1) position += 8;
    else if (wireType === 5) position += 4;
    else return undefined;
  }
  return fields;
}
