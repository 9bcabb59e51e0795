import { Uint8ArrayReader, Uint8ArrayWriter, ZipWriter } from '@zip.js/zip.js';

const LIBRARIES = 'io/questdb/bin/';
/** QuestDB's folder of native libraries for each Node.js platform and architecture. */
const LIBRARY_FOLDERS = {
  'linux-x64': 'linux-x86-64',
  'linux-arm64': 'linux-aarch64',
  'darwin-x64': 'darwin-x86-64',
  'darwin-arm64': 'darwin-aarch64',
  'win32-x64': 'windows-x86-64',
};

/**
 * Returns a copy of QuestDB's jar without the native libraries of other platforms. Copies the
 * compressed bytes of each entry, so the result is the same on every machine.
 *
 * @param {Uint8Array} jar
 * @param {string} platform for example `linux-x64`
 * @returns {Promise<Uint8Array>}
 * @throws Error if QuestDB has no native libraries for the platform
 */
export async function trimJar(jar, platform) {
  const kept = `${LIBRARIES}${LIBRARY_FOLDERS[platform]}/`;
  let libraries = 0;
  const writer = new ZipWriter(new Uint8ArrayWriter());
  await writer.appendZip(new Uint8ArrayReader(jar), {
    filter: ({ filename, directory }) => {
      if (filename.startsWith(kept) && !directory) libraries += 1;
      return !filename.startsWith(LIBRARIES) || filename === LIBRARIES || filename.startsWith(kept);
    },
  });
  const trimmed = await writer.close();
  if (libraries === 0) throw new Error(`QuestDB has no native libraries for ${platform}.`);
  return trimmed;
}
