import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

const CHUNK_BYTES = 1024 * 1024;
/** Blocks of zeros of this size are left out. */
const HOLE_BYTES = 64 * 1024;
const ZEROS = Buffer.alloc(HOLE_BYTES);

/** What a file holds: its length in bytes, and its SHA-256 in hexadecimal. */
export interface FileDigest {
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Copies a file that may still grow, up to its end of now. QuestDB reserves pages of zeros, which take
 * no room in the copy.
 */
export async function copyFile(from: string, to: string): Promise<FileDigest> {
  const target = await open(to, 'wx', 0o600);
  try {
    const content = await digestFile(from, (block, position) =>
      writeUnlessZeros(target, block, position),
    );
    await target.truncate(content.bytes);
    return content;
  } finally {
    await target.close();
  }
}

/** Reads a file once. `onBlock` gets it piece by piece; a piece is only valid during the call. */
export async function digestFile(
  file: string,
  onBlock: (block: Buffer, position: number) => Promise<void> = async () => {},
): Promise<FileDigest> {
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  const source = await open(file, 'r');
  let bytes = 0;
  try {
    for (;;) {
      const { bytesRead } = await source.read(buffer, 0, CHUNK_BYTES, bytes);
      if (bytesRead === 0) return { bytes, sha256: hash.digest('hex') };
      const block = buffer.subarray(0, bytesRead);
      hash.update(block);
      await onBlock(block, bytes);
      bytes += bytesRead;
    }
  } finally {
    await source.close();
  }
}

async function writeUnlessZeros(
  target: FileHandle,
  block: Buffer,
  position: number,
): Promise<void> {
  for (let at = 0; at < block.length; at += HOLE_BYTES) {
    const piece = block.subarray(at, at + HOLE_BYTES);
    if (!piece.equals(ZEROS.subarray(0, piece.length))) {
      await target.write(piece, 0, piece.length, position + at);
    }
  }
}
