let zlib: typeof import('node:zlib') | undefined;

/**
 * Returns the CRC-32 of `data`, as in gzip and zip files. Loads `node:zlib` on the first call, because the
 * agent must not load it before the application's first line.
 *
 * @param value CRC-32 of the data before `data`. Default: 0.
 */
export function crc32(data: Uint8Array, value = 0): number {
  zlib ??= process.getBuiltinModule('node:zlib');
  return zlib.crc32(data, value);
}
