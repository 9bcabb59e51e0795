import { createEmptyBreakdown, type RequestBreakdown } from '../request-breakdown.ts';
import { ExponentialHistogramAccumulator } from './histogram-accumulators.ts';

/** Values of a histogram point of requests, in addition to its buckets. Times are in the unit of the histogram. */
export interface RequestPointDetails {
  /** Requests that the client aborted. The count and the buckets of the point don't include them. */
  readonly abortedCount: number;
  readonly errorCount: number;
  readonly count2xx: number;
  readonly count3xx: number;
  readonly count4xx: number;
  readonly count5xx: number;
  readonly firstByteSum: number;
  readonly firstByteMax: number;
  /** Sums over the requests. Aborted requests are not included. */
  readonly breakdown: RequestBreakdown & { readonly ownTime: number };
  /** Buckets of the failed requests. Undefined if none failed. */
  readonly failed: ReturnType<ExponentialHistogramAccumulator['toPoint']> | undefined;
}

/** Counts the requests of one endpoint, with all statuses, so that an interval is stored in one row. */
export class RequestAccumulator extends ExponentialHistogramAccumulator {
  #abortedCount = 0;
  /** Counts by the first digit of the status. */
  readonly #statusClassCounts = [0, 0, 0, 0, 0, 0];
  #firstByteSum = 0;
  #firstByteMax = 0;
  readonly #breakdown = createEmptyBreakdown();
  /** Duration of the requests whose parts are not known. */
  #unknownTime = 0;
  #failed: ExponentialHistogramAccumulator | undefined;

  /** Number of requests, including aborted ones. Changes with each request. */
  override get recordedCount(): number {
    return this.count + this.#abortedCount;
  }

  /**
   * Adds a request that has finished.
   *
   * @param status status of the response, or 0 if there is none
   * @param failed whether the request failed. A failed request counts as 5xx with any status.
   */
  addRequest(duration: number, firstByte: number, status: number, failed: boolean): void {
    this.add(duration);
    this.#statusClassCounts[failed ? 5 : toStatusClass(status)]! += 1;
    this.#firstByteSum += firstByte;
    if (firstByte > this.#firstByteMax) this.#firstByteMax = firstByte;
    if (!failed) return;
    this.#failed ??= new ExponentialHistogramAccumulator();
    this.#failed.add(duration);
  }

  /** Adds the event loop wait of a request without operations. */
  addEventLoopWait(time: number): void {
    this.#breakdown.eventLoopWaitTime += time;
  }

  /** Excludes the duration of a request from the breakdown, because its parts are not known. */
  excludeFromBreakdown(duration: number): void {
    this.#unknownTime += duration;
  }

  /**
   * Adds the parts of a request.
   *
   * @param factor converts the times to the unit of the histogram
   */
  addBreakdown(request: RequestBreakdown, factor: number): void {
    const sums = this.#breakdown;
    sums.databaseTime += request.databaseTime * factor;
    sums.databaseCalls += request.databaseCalls;
    sums.outgoingTime += request.outgoingTime * factor;
    sums.outgoingCalls += request.outgoingCalls;
    sums.queueTime += request.queueTime * factor;
    sums.queueCalls += request.queueCalls;
    sums.connectionWaitTime += request.connectionWaitTime * factor;
    sums.eventLoopWaitTime += request.eventLoopWaitTime * factor;
  }

  /** Counts a request that the client aborted. */
  addAborted(): void {
    this.#abortedCount += 1;
  }

  override toPoint() {
    const [, , count2xx = 0, count3xx = 0, count4xx = 0, count5xx = 0] = this.#statusClassCounts;
    const sums = this.#breakdown;
    const waitTime =
      sums.databaseTime +
      sums.outgoingTime +
      sums.queueTime +
      sums.connectionWaitTime +
      sums.eventLoopWaitTime;
    const point = super.toPoint();
    // The sum of rounded numbers can be larger than the duration by a rounding error.
    const ownTime = Math.max(0, (point.sum ?? 0) - this.#unknownTime - waitTime);
    const requests: RequestPointDetails = {
      abortedCount: this.#abortedCount,
      errorCount: this.#failed?.count ?? 0,
      count2xx,
      count3xx,
      count4xx,
      count5xx,
      firstByteSum: this.#firstByteSum,
      firstByteMax: this.#firstByteMax,
      breakdown: { ...sums, ownTime },
      failed: this.#failed?.toPoint(),
    };
    return { ...point, requests };
  }
}

/** Returns the first digit of a status, or 0 for a number that is not a status. */
function toStatusClass(status: number): number {
  return status >= 100 && status < 600 ? Math.trunc(status / 100) : 0;
}
