/** Encoding of a request and of its response, from the header `Content-Type`. */
export type OtlpEncoding = 'protobuf' | 'json';

export type OtlpSignal = 'metrics' | 'traces';

export interface PartialSuccess {
  /** Number of points or spans that weren't stored. 0 if `message` is only a warning. */
  readonly rejected: number;
  /** Says why data was rejected, and what to do. Not empty. */
  readonly message: string;
}

/**
 * Encodes an `ExportMetricsServiceResponse` or `ExportTraceServiceResponse` for a request with status 200.
 *
 * @param partialSuccess undefined if all data was accepted and there is no warning
 */
export function encodeExportResponse(
  signal: OtlpSignal,
  encoding: OtlpEncoding,
  partialSuccess?: PartialSuccess,
): Buffer {
  return Buffer.from(JSON.stringify({ signal, encoding, partialSuccess }));
}

export interface StatusDetails {
  /** Code of gRPC, such as 3 for INVALID_ARGUMENT (https://grpc.io/docs/guides/status-codes/). */
  readonly code: number;
  readonly message: string;
  /** What is wrong in the request, for a status of 400. */
  readonly violation?: { readonly field: string; readonly description: string } | undefined;
}

/** Encodes a `google.rpc.Status` for a response with an HTTP status from 400 to 599. */
export function encodeStatus(encoding: OtlpEncoding, status: StatusDetails): Buffer {
  return Buffer.from(JSON.stringify({ encoding, status }));
}
