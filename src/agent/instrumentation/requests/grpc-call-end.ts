import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { isGrpcServerFault } from '../../../core/otel/mapping/grpc-status.ts';
import type { EndReason } from './connection-close.ts';
import type { Outcome, RequestRecorder } from './request-recorder.ts';
import type { RequestState, ServedCall } from './request-state.ts';

const STATUS = 'grpc-status';
const DEADLINE_EXCEEDED = 4;
/** Timers of the client and the server don't run at exactly the same time. */
const TIMER_TOLERANCE_MS = 10;

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
  const isLate = performance.now() - startMs >= timeoutMs - TIMER_TOLERANCE_MS;
  return isLate && reason === 'clientClosed' ? DEADLINE_EXCEEDED : undefined;
}

function getOutcome(status: number | undefined): Outcome {
  if (status === undefined) return 'aborted';
  return isGrpcServerFault(status) ? 'failed' : 'succeeded';
}
