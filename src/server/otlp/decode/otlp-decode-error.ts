/** A body that isn't a valid OTLP request. The request can't work, so it must not be repeated (HTTP 400). */
export class OtlpDecodeError extends Error {
  override readonly name = 'OtlpDecodeError';
  /**
   * Where the fault is: `byte 12` in protobuf, a path such as `resourceMetrics[0].resource` in JSON, or `body` if no part
   * of the body is to blame.
   */
  readonly position: string;
  readonly reason: string;

  /** @param reason completes the message, for example "the field has the wrong type" */
  constructor(position: string, reason: string) {
    super(`Invalid OTLP request (${position}): ${reason}`);
    this.position = position;
    this.reason = reason;
  }
}
