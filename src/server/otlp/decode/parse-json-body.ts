import { isUtf8 } from 'node:buffer';
import { type DecodeSession, ELEMENT_BYTES } from './decode-session.ts';
import { OtlpDecodeError } from './otlp-decode-error.ts';

/** Enough for the deepest value of an attribute that is accepted. */
const MAX_DEPTH = 256;
const CONTAINER_BYTES = 64;
const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [OPEN_BRACE, OPEN_BRACKET] = [0x7b, 0x5b];
const [CLOSE_BRACE, CLOSE_BRACKET] = [0x7d, 0x5d];

/**
 * Parses a body in JSON. Checks nesting and memory first, because `JSON.parse` limits neither.
 *
 * @throws OtlpDecodeError if the body isn't valid JSON or exceeds a limit
 */
export function parseJsonBody(body: Uint8Array, session: DecodeSession): unknown {
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (!isUtf8(buffer)) throw new OtlpDecodeError('body', 'it is not valid UTF-8');
  checkSize(buffer, session);
  try {
    return JSON.parse(buffer.toString('utf8')) as unknown;
  } catch (error) {
    const { message } = error as Error;
    const [, position] = /at position (\d+)/.exec(message) ?? [];
    // The rest of the message can be a part of the body.
    const [fault] =
      /^Unexpected (?:token '.'|end)|^.*(?= (?:in|after) JSON at)/su.exec(message) ?? [];
    throw new OtlpDecodeError(
      position === undefined ? 'body' : `character ${position}`,
      `it is not valid JSON: ${fault ?? 'unexpected text'}`,
    );
  }
}

function checkSize(body: Buffer, session: DecodeSession): void {
  let depth = 0;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (byte === QUOTE) {
      const end = findEndOfString(body, at);
      session.spend(end - at);
      at = end;
    } else if (byte === COMMA) session.spend(ELEMENT_BYTES);
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      session.spend(CONTAINER_BYTES);
      if (++depth > MAX_DEPTH) throw new OtlpDecodeError(`byte ${at}`, 'it is nested too deeply');
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
  }
}

function findEndOfString(body: Buffer, start: number): number {
  let at = start + 1;
  while (at < body.length && body[at] !== QUOTE) at += body[at] === BACKSLASH ? 2 : 1;
  return at;
}
