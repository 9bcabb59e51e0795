import { promises } from 'node:fs';
import {
  assertTrustedFile,
  isSymlinkError,
  TRUSTED_READ_FLAGS,
  UntrustedFileError,
} from '../../core/trusted-file.ts';
import { containsOnlyRowsOf } from './line-protocol-check.ts';

/**
 * Reads a file of the spool. Checks the file that is opened, because a file can be replaced after its
 * folder was listed.
 *
 * @throws UntrustedFileError if another user could have written the file, or if it contains lines that
 * are not rows of `table`
 * @throws the error of the file system
 */
export async function readBatchFile(file: string, table: string): Promise<Buffer> {
  const lines = await readOwnFile(file);
  if (containsOnlyRowsOf(table, lines)) return lines;
  throw new UntrustedFileError(`it contains lines that are not rows of ${table}`);
}

async function readOwnFile(file: string): Promise<Buffer> {
  const handle = await promises.open(file, TRUSTED_READ_FLAGS).catch((error: unknown) => {
    throw isSymlinkError(error) ? new UntrustedFileError('it is a symbolic link') : error;
  });
  try {
    assertTrustedFile(await handle.stat());
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
