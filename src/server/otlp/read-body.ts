import type { IncomingMessage } from 'node:http';
import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { startTimeout } from '../../core/guarded-timers.ts';
import { createError } from '../../core/perfscope-error.ts';
import type { ByteLease } from './byte-budget.ts';
import type { ContentCoding } from './content-headers.ts';

const PART = 'the OTLP endpoint';
const CHUNK_BYTES = 64 * 1024;
/** 8 MiB. Otherwise, a frame header could make the decoder allocate 128 MiB. */
const MAX_ZSTD_WINDOW_LOG = 23;

export interface BodyLimits {
  /** Maximum size of a body as sent. */
  readonly maxCompressedBytes: number;
  /** Maximum size of a body after decompression. */
  readonly maxBytes: number;
  /** Maximum time in which no data arrives, in ms. */
  readonly idleTimeoutMs: number;
  /** Maximum time until the body is complete, in ms. */
  readonly timeoutMs: number;
  /** When the sender should try again after a timeout. */
  readonly retryAfterS: number;
}

export const DEFAULT_BODY_LIMITS: BodyLimits = {
  maxCompressedBytes: 16 * 2 ** 20,
  maxBytes: 32 * 2 ** 20,
  idleTimeoutMs: 10_000,
  timeoutMs: 60_000,
  retryAfterS: 5,
};

/** The client closed the connection before its request was complete, so no response is possible. */
export class RequestAbortedError extends Error {
  override readonly name = 'RequestAbortedError';

  constructor() {
    super('the client closed the connection');
  }
}

/**
 * Reads and decompresses the body of a request. Stops as soon as a limit is exceeded, so it needs no more memory
 * than the limits allow.
 *
 * @param lease receives the size of the decompressed body. The caller releases it.
 * @throws PS_OTLP_TOO_LARGE, PS_OTLP_BUSY, PS_OTLP_INVALID for invalid compression, PS_OTLP_SLOW, or
 *   RequestAbortedError
 */
export function readBody(
  request: IncomingMessage,
  coding: ContentCoding,
  lease: ByteLease,
  limits: BodyLimits = DEFAULT_BODY_LIMITS,
): Promise<Buffer> {
  return new BodyReader(request, lease, limits).read(createDecompressor(coding));
}

class BodyReader {
  readonly #request: IncomingMessage;
  readonly #lease: ByteLease;
  readonly #limits: BodyLimits;
  readonly #chunks: Buffer[] = [];
  #compressedBytes = 0;
  #bytes = 0;

  constructor(request: IncomingMessage, lease: ByteLease, limits: BodyLimits) {
    this.#request = request;
    this.#lease = lease;
    this.#limits = limits;
  }

  async read(decompressor: Transform | undefined): Promise<Buffer> {
    const request = this.#request;
    this.#checkSize(Number(request.headers['content-length'] ?? 0));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (error: unknown) => {
      request.unpipe();
      reject(error);
    };
    const { idleTimeoutMs, timeoutMs, retryAfterS } = this.#limits;
    const failSlow = () => fail(createError('PS_OTLP_SLOW', { seconds: retryAfterS }));
    const timer = startTimeout(PART, failSlow, timeoutMs);
    const idleTimer = startTimeout(PART, failSlow, idleTimeoutMs);
    const onData = (chunk: Buffer) => {
      try {
        idleTimer.refresh();
        this.#compressedBytes += chunk.length;
        this.#checkSize(this.#compressedBytes);
        if (!decompressor) this.#add(chunk);
      } catch (error) {
        fail(error);
      }
    };
    const onDecompressed = (chunk: Buffer) => {
      try {
        this.#add(chunk);
      } catch (error) {
        fail(error);
      }
    };
    const onEnd = () => resolve();
    const onClose = () => {
      if (!request.complete) fail(new RequestAbortedError());
    };
    const onDecompressorError = ({ message }: Error) => {
      // An empty body is an empty request, even if it isn't valid in its compression.
      if (this.#compressedBytes === 0) return resolve();
      fail(
        createError('PS_OTLP_INVALID', { reason: `the compressed body is invalid: ${message}` }),
      );
    };
    request.on('data', onData).on('close', onClose).on('error', onClose);
    if (decompressor) {
      decompressor.on('data', onDecompressed).on('end', onEnd).on('error', onDecompressorError);
      request.pipe(decompressor);
    } else request.on('end', onEnd);
    try {
      await promise;
      return Buffer.concat(this.#chunks, this.#bytes);
    } finally {
      clearTimeout(timer);
      clearTimeout(idleTimer);
      request.off('data', onData).off('close', onClose).off('end', onEnd);
      decompressor?.off('data', onDecompressed).destroy();
    }
  }

  #add(chunk: Buffer): void {
    if (this.#bytes + chunk.length > this.#limits.maxBytes) {
      throw createTooLargeError(this.#limits.maxBytes, 'after decompression');
    }
    this.#lease.add(chunk.length);
    this.#bytes += chunk.length;
    this.#chunks.push(chunk);
  }

  #checkSize(bytes: number): void {
    const { maxCompressedBytes } = this.#limits;
    if (bytes > maxCompressedBytes) throw createTooLargeError(maxCompressedBytes, 'as sent');
  }
}

function createTooLargeError(maxBytes: number, stage: string) {
  return createError('PS_OTLP_TOO_LARGE', { mebibytes: maxBytes / 2 ** 20, stage });
}

function createDecompressor(coding: ContentCoding): Transform | undefined {
  const options = { chunkSize: CHUNK_BYTES };
  if (coding === 'gzip') return zlib.createGunzip(options);
  if (coding === 'deflate') return zlib.createInflate(options);
  if (coding !== 'zstd') return undefined;
  const params = { [zlib.constants.ZSTD_d_windowLogMax]: MAX_ZSTD_WINDOW_LOG };
  return zlib.createZstdDecompress({ ...options, params });
}
