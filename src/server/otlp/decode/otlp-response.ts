import { ProtobufWriter } from '../../../core/protobuf/protobuf-writer.ts';

/** Encoding of a request and of its response, from the header `Content-Type`. */
export type OtlpEncoding = 'protobuf' | 'json';

export type OtlpSignal = 'metrics' | 'traces';

const REJECTED_FIELDS = { metrics: 'rejectedDataPoints', traces: 'rejectedSpans' } as const;
const BAD_REQUEST_TYPE = 'type.googleapis.com/google.rpc.BadRequest';

export interface PartialSuccess {
  /** Number of points or spans that weren't stored. 0 if `message` is only a warning. */
  readonly rejected: number;
  /** Reason for which data was rejected, and advice. Not empty. */
  readonly message: string;
}

/**
 * Encodes an `ExportMetricsServiceResponse` or `ExportTraceServiceResponse`, for a response with status 200.
 *
 * @param partialSuccess undefined if all data was accepted and there is no warning
 */
export function encodeExportResponse(
  signal: OtlpSignal,
  encoding: OtlpEncoding,
  partialSuccess?: PartialSuccess,
): Buffer {
  if (encoding === 'json') return encodeJsonResponse(signal, partialSuccess);
  const writer = new ProtobufWriter();
  if (partialSuccess) {
    const start = writer.startMessage(1);
    if (partialSuccess.rejected > 0) writer.int64(1, partialSuccess.rejected);
    writer.string(2, partialSuccess.message);
    writer.endMessage(start);
  }
  return writer.finish();
}

function encodeJsonResponse(signal: OtlpSignal, partialSuccess?: PartialSuccess): Buffer {
  if (!partialSuccess) return Buffer.from('{}');
  const { rejected, message } = partialSuccess;
  // Protobuf writes 64-bit integers as text, and omits a field that is 0.
  const count = rejected > 0 && { [REJECTED_FIELDS[signal]]: String(rejected) };
  return Buffer.from(JSON.stringify({ partialSuccess: { ...count, errorMessage: message } }));
}

export interface StatusDetails {
  /** Code of gRPC, such as 3 for INVALID_ARGUMENT (https://grpc.io/docs/guides/status-codes/). */
  readonly code: number;
  readonly message: string;
  /** What is wrong in the request, for a response with status 400. */
  readonly violation?: { readonly field: string; readonly description: string } | undefined;
}

/** Encodes a `google.rpc.Status`, for a response with an HTTP status from 400 to 599. */
export function encodeStatus(
  encoding: OtlpEncoding,
  { code, message, violation }: StatusDetails,
): Buffer {
  if (encoding === 'json') {
    const details = violation && [{ '@type': BAD_REQUEST_TYPE, fieldViolations: [violation] }];
    return Buffer.from(JSON.stringify({ code, message, details }));
  }
  const writer = new ProtobufWriter();
  writer.uint32(1, code);
  writer.string(2, message);
  if (violation) {
    // `details` contains messages of the type `Any`: the name of a type, and a message.
    const details = writer.startMessage(3);
    writer.string(1, BAD_REQUEST_TYPE);
    const badRequest = writer.startMessage(2);
    const fieldViolation = writer.startMessage(1);
    writer.string(1, violation.field);
    writer.string(2, violation.description);
    writer.endMessage(fieldViolation);
    writer.endMessage(badRequest);
    writer.endMessage(details);
  }
  return writer.finish();
}
