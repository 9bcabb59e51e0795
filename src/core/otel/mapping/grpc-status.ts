/** Names of the gRPC status codes, by number (https://grpc.io/docs/guides/status-codes/). */
const GRPC_STATUS_NAMES: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];
const UNKNOWN = 2;
/** Codes that are faults of the server, by number and by name. */
const SERVER_FAULTS =
  /^(?:2|4|12|13|14|15|UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS)$/i;

/** Returns the name of a status code. A number that gRPC doesn't define becomes `UNKNOWN`, as in its clients. */
export function getGrpcStatusName(code: number): string {
  return GRPC_STATUS_NAMES[code] ?? GRPC_STATUS_NAMES[UNKNOWN]!;
}

/**
 * Returns whether a call with a status has failed because of the server
 * (https://opentelemetry.io/docs/specs/semconv/rpc/grpc/).
 *
 * @param code number or name of the status
 */
export function isGrpcServerFault(code: string | number): boolean {
  return SERVER_FAULTS.test(String(code));
}
