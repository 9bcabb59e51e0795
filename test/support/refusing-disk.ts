type FileSystem = typeof import('node:fs');

/** While `code` is not empty, writes fail with it. */
export interface DiskState {
  code: string;
}

/** Returns the functions of `node:fs`, for `vi.mock`. While a code is set, `writev` fails with it after some bytes. */
export function refuseWrites(original: FileSystem, disk: DiskState): FileSystem {
  const writev = (...args: Parameters<FileSystem['writev']>) => {
    const [fd, buffers, position, callback] = args as [
      number,
      readonly Buffer[],
      number,
      (error: Error) => void,
    ];
    if (disk.code === '') return original.writev(...args);
    original.writeSync(fd, Buffer.concat(buffers), 0, 30, position);
    const error = Object.assign(new Error(`${disk.code}: failed`), { code: disk.code });
    return setImmediate(() => callback(error));
  };
  return { ...original, writev } as FileSystem;
}
