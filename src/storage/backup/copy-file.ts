import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

const CHUNK_BYTES = 1024 * 1024;
/** Size of the zero blocks that are not copied. */
const HOLE_BYTES = 64 * 1024;
const ZEROS = Buffer.alloc(HOLE_BYTES);

/** The length of a file in bytes, and its SHA-256 hash in hexadecimal. */
export interface FileDigest {
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Copies a file up to its current end, even if it is still growing. QuestDB preallocates pages of
 * zeros. The copy is a sparse file, so these pages take no space.
 */
export async function copyFile(from: string, to: string): Promise<FileDigest> {
  const target = await open(to, 'wx', 0o600);
  try {
    const digest = await digestFile(from, (block, position) =>
      writeUnlessZeros(target, block, position),
    );
    await target.truncate(digest.bytes);
    return digest;
  } finally {
    await target.close();
  }
}

/**
 * Reads a file once and hashes it. `onBlock` receives each block, which is valid only during the
 * call.
 */
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
  for (let offset = 0; offset < block.length; offset += HOLE_BYTES) {
    const part = block.subarray(offset, offset + HOLE_BYTES);
    if (!part.equals(ZEROS.subarray(0, part.length))) {
      await target.write(part, 0, part.length, position + offset);
    }
  }
}
