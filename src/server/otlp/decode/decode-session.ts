import type { DecodeLimits, DecodeRejectReason } from './decoded-request.ts';
import { OtlpDecodeError } from './otlp-decode-error.ts';

/** Estimated sizes in memory, in bytes. */
export const OBJECT_BYTES = 160;
export const ELEMENT_BYTES = 16;
export const ATTRIBUTE_BYTES = 64;

/** The limits of one request, and counts of the data that exceeded them. */
export class DecodeSession {
  readonly limits: DecodeLimits;
  readonly rejected = new Map<DecodeRejectReason, number>();
  shortenedTexts = 0;
  #restBytes: number;

  constructor(limits: DecodeLimits) {
    this.limits = limits;
    this.#restBytes = limits.maxDecodedBytes;
  }

  /** Counts rejected points or spans. */
  reject(reason: DecodeRejectReason, count = 1): void {
    if (count > 0) this.rejected.set(reason, (this.rejected.get(reason) ?? 0) + count);
  }

  /**
   * Counts memory that the decoded request will take. A body of two-byte messages would otherwise take a hundred times
   * its size.
   *
   * @throws OtlpDecodeError if the request exceeds its limit
   */
  spend(bytes: number): void {
    this.#restBytes -= bytes;
    if (this.#restBytes < 0) this.#failAtLimit();
  }

  #failAtLimit(): never {
    const mebibytes = Math.round(this.limits.maxDecodedBytes / 2 ** 20);
    throw new OtlpDecodeError(
      'body',
      `it takes more than ${mebibytes} MiB in memory. Send smaller batches`,
    );
  }
}
