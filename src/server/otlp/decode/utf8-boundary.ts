/** Returns the start of the UTF-8 character at a position, so that text before it ends with a whole character. */
export function findCharacterStart(bytes: Uint8Array, position: number): number {
  let start = position;
  // Bytes after the first of a character have the bits 10xxxxxx.
  while (start > 0 && (bytes[start]! & 0xc0) === 0x80) start -= 1;
  return start;
}
