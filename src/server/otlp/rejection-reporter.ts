import { HOUR_MS } from '../../core/duration.ts';
import type { Logger } from '../../core/log.ts';
import { createError, type ErrorCode } from '../../core/perfscope-error.ts';
import { redact } from '../../core/redact.ts';

/** Minimum time between two warnings of the same kind about the same sender. */
const WARN_INTERVAL_MS = HOUR_MS;
/** Maximum number of kinds and senders that are remembered. Further ones share one warning. */
const MAX_REMEMBERED = 200;
const OTHERS = 'others';
const MAX_MESSAGE_LENGTH = 500;
const MAX_PATH_LENGTH = 100;

/** A rejected request that the sender doesn't send again. */
export interface OtlpRejection {
  /** IP address of the connection. Undefined if it is closed. */
  readonly address: string | undefined;
  /** ID of the API key in the request. Undefined if the request contains no complete key. */
  readonly keyId: string | undefined;
  readonly path: string;
  readonly status: number;
  readonly code: ErrorCode;
  /** Why the credentials were rejected. Undefined for other errors. */
  readonly authReason?: string | undefined;
  /** Text of the response. Contains no secrets. */
  readonly message: string;
}

export interface RejectionReporterOptions {
  readonly log: Logger;
  /** Returns the current time in ms. Default: `Date.now`. */
  readonly now?: () => number;
}

/**
 * Logs why OTLP data is lost, because many SDKs don't show the text of a response. Logs at most one warning per hour for
 * each sender and kind of error.
 */
export class RejectionReporter {
  readonly #log: Logger;
  readonly #now: () => number;
  readonly #nextWarningMs = new Map<string, number>();

  constructor({ log, now = Date.now }: RejectionReporterOptions) {
    this.#log = log;
    this.#now = now;
  }

  /** Reports a rejected request. */
  report({ address, keyId, path, status, code, authReason, message }: OtlpRejection): void {
    if (!this.#isDue([code, authReason, address, keyId].join('\n'))) return;
    const key = keyId === undefined ? '' : ` with the API key ${keyId}`;
    // The sender chooses the path.
    const target = status === 404 ? ` to ${JSON.stringify(redact(path, MAX_PATH_LENGTH))}` : '';
    const sender = `${formatAddress(address)}${key}${target}`;
    // The address in the response is from the request, so it doesn't belong in the log.
    const text =
      code === 'PS_OTLP_PATH' ? createError(code, { url: 'http://HOST:PORT' }).message : message;
    const rejection = { sender, status, message: text.slice(0, MAX_MESSAGE_LENGTH) };
    this.#log.warn(createError('PS_OTLP_REJECTED', rejection).message);
  }

  /** Reports a connection that uses HTTP/2. */
  reportHttp2(address: string | undefined): void {
    if (!this.#isDue(`http2\n${address}`)) return;
    const { message } = createError('PS_OTLP_GRPC_CLIENT', { address: formatAddress(address) });
    this.#log.warn(message);
  }

  #isDue(kind: string): boolean {
    const nowMs = this.#now();
    const isPending = (nextMs = 0) => nowMs < nextMs && nextMs - nowMs <= WARN_INTERVAL_MS;
    if (isPending(this.#nextWarningMs.get(kind))) return false;
    if (this.#nextWarningMs.size >= MAX_REMEMBERED) {
      for (const [known, nextMs] of this.#nextWarningMs) {
        if (!isPending(nextMs)) this.#nextWarningMs.delete(known);
      }
    }
    const isFull = this.#nextWarningMs.size >= MAX_REMEMBERED;
    const remembered = isFull ? OTHERS : kind;
    if (isPending(this.#nextWarningMs.get(remembered))) return false;
    this.#nextWarningMs.set(remembered, nowMs + WARN_INTERVAL_MS);
    return true;
  }
}

/** Node.js reports IPv4 addresses in the form of IPv6 if the server listens on both. */
function formatAddress(address = 'an unknown address'): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}
