export const TRACE_ID_BYTES = 16;
export const SPAN_ID_BYTES = 8;

/**
 * Returns the ID of a trace or a span as lowercase hex digits. Returns undefined if the ID has the wrong length or
 * consists of zeros, which is invalid (https://opentelemetry.io/docs/specs/otel/trace/api/#spancontext).
 */
export function toTraceContextId(bytes: Buffer, expectedBytes: number): string | undefined {
  return bytes.length === expectedBytes ? toValidId(bytes.toString('hex')) : undefined;
}

/** Like `toTraceContextId`, for hex digits of either case. */
export function parseTraceContextId(
  hex: string | undefined,
  expectedBytes: number,
): string | undefined {
  const isHex = hex?.length === expectedBytes * 2 && /^[\da-f]+$/i.test(hex);
  return isHex ? toValidId(hex.toLowerCase()) : undefined;
}

function toValidId(hex: string): string | undefined {
  return /^0+$/.test(hex) ? undefined : hex;
}
