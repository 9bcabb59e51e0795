import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { isGrpcServerFault } from '../../../core/otel/mapping/grpc-status.ts';
import type { EndReason } from './connection-close.ts';
import type { Outcome, RequestRecorder } from './request-recorder.ts';
import type { RequestState, ServedCall } from './request-state.ts';

const STATUS = 'grpc-status';
const DEADLINE_EXCEEDED = 4;
/** The server can receive a call later than its end, compared with the clock of the client. */
const MIN_TOLERANCE_MS = 10;
const TOLERANCE_SHARE = 0.2;

/** Records the call of a gRPC stream that has closed. */
export function endGrpcCall(
  recorder: RequestRecorder,
  state: RequestState,
  call: ServedCall,
  stream: ServerHttp2Stream,
  reason: EndReason,
): void {
  const status = readStatus(stream) ?? findMissingStatus(state, call, reason);
  const error = reason === 'serverFailed' ? stream.errored : undefined;
  recorder.endCall(state, call, getOutcome(status), status, error);
}

/** Returns the status that the server sent: in the trailers, or in the headers if there is no message. */
function readStatus({ sentTrailers, sentHeaders }: ServerHttp2Stream): number | undefined {
  return parseStatus(sentTrailers) ?? parseStatus(sentHeaders);
}

/** Both are undefined until the server has sent them, despite their types. */
function parseStatus(headers: OutgoingHttpHeaders | undefined): number | undefined {
  const status = headers?.[STATUS];
  return status === undefined ? undefined : Number(status);
}

/** If the client's deadline has passed, the client resets the stream, like a client that cancels a call. */
function findMissingStatus(
  { startMs }: RequestState,
  { timeoutMs = Number.POSITIVE_INFINITY }: ServedCall,
  reason: EndReason,
): number | undefined {
  const toleranceMs = Math.max(MIN_TOLERANCE_MS, TOLERANCE_SHARE * timeoutMs);
  const isLate = performance.now() - startMs >= timeoutMs - toleranceMs;
  return isLate && reason === 'clientClosed' ? DEADLINE_EXCEEDED : undefined;
}

function getOutcome(status: number | undefined): Outcome {
  if (status === undefined) return 'aborted';
  return isGrpcServerFault(status) ? 'failed' : 'succeeded';
}
