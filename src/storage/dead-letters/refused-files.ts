import { promises, readdirSync, rmdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writePrivateFile } from '../../core/private-file.ts';
import { isTableName } from '../../core/schema/table-registry.ts';
import { assertTrustedFile, TRUSTED_READ_FLAGS } from '../../core/trusted-file.ts';
import { createDeadLetterFileName, formatDeadLetter, toDeadLetters } from './dead-letter-files.ts';

/** Subfolder in which versions before 0.2 kept rejected rows. */
const REFUSED_FOLDER = 'refused';
const FILE_PATTERN = /^(?<source>.+)\.(?<table>[a-z_]+)\.\d+\.\d+\.ilp$/;
const REASON = 'rejected by an earlier version';

/**
 * Converts the rejected rows of earlier versions to dead letters. If the process is killed, or if several processes
 * convert the same file, the result is the same. Skips files that can't be converted.
 */
export async function convertRefusedFiles(
  spoolDir: string,
  deadLetterFolder: string,
): Promise<void> {
  const folder = join(spoolDir, REFUSED_FOLDER);
  for (const name of listFiles(folder)) {
    const { source, table } = FILE_PATTERN.exec(name)?.groups ?? {};
    if (source === undefined || table === undefined || !isTableName(table)) continue;
    try {
      const file = join(folder, name);
      const letters = toDeadLetters(table, await readTrusted(file), REASON, Date.now());
      const converted = join(deadLetterFolder, createDeadLetterFileName(`refused-${source}`, 0));
      if (letters.length > 0) writePrivateFile(converted, letters.map(formatDeadLetter).join(''));
      rmSync(file, { force: true });
    } catch {
      // The file stays where it is.
    }
  }
  try {
    rmdirSync(folder);
  } catch {
    // It doesn't exist, or it still has files.
  }
}

async function readTrusted(file: string): Promise<Buffer> {
  const handle = await promises.open(file, TRUSTED_READ_FLAGS);
  try {
    assertTrustedFile(await handle.stat());
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

function listFiles(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
