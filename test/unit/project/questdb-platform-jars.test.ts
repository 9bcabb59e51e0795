import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Uint8ArrayReader, Uint8ArrayWriter, ZipReader, ZipWriter } from '@zip.js/zip.js';
import { describe, expect, it } from 'vitest';
import { trimJar } from '../../../scripts/release/trim-jar.mjs';
import { resolveJar } from '../../../src/storage/questdb/questdb-jar.mjs';
import {
  getPackageFile,
  PLATFORM_JAR_SHA256,
} from '../../../src/storage/questdb/questdb-release.mjs';

const jar = readFileSync(await resolveJar({ log: () => {} }));
const LIBRARY = /^io\/questdb\/bin\/([^/]+)\/\w+\.(so|dylib|dll)$/;

async function listEntries(zip: Uint8Array) {
  const entries = await new ZipReader(new Uint8ArrayReader(zip)).getEntries();
  return entries.map(({ filename, crc32, compressedSize, rawLastModDate }) => ({
    filename,
    content: `${crc32} ${compressedSize} ${rawLastModDate}`,
  }));
}

describe.each(Object.entries(PLATFORM_JAR_SHA256))('jar for %s', (platform, sha256) => {
  it('has the pinned SHA-256', async () => {
    const trimmed = await trimJar(jar, platform);
    expect(createHash('sha256').update(trimmed).digest('hex')).toBe(sha256);
  });

  it('contains only the libraries of this platform, and all other entries unchanged', async () => {
    const trimmed = await listEntries(await trimJar(jar, platform));
    const folders = trimmed.flatMap(({ filename }) => LIBRARY.exec(filename)?.[1] ?? []);
    expect(folders).toEqual([folders[0], folders[0]]);
    const all = await listEntries(jar);
    const expected = all.filter(({ filename }) => {
      const folder = /^io\/questdb\/bin\/([^/]+)\//.exec(filename)?.[1];
      return folder === undefined || folder === folders[0];
    });
    expect(trimmed).toEqual(expected);
    expect(all.length - trimmed.length).toBe(12);
  });
});

it('does not depend on the time zone', async () => {
  const zone = process.env.TZ;
  try {
    process.env.TZ = 'Pacific/Kiritimati';
    const trimmed = await trimJar(jar, 'linux-x64');
    expect(createHash('sha256').update(trimmed).digest('hex')).toBe(
      PLATFORM_JAR_SHA256['linux-x64'],
    );
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
});

it('rejects a jar without libraries for the platform', async () => {
  const writer = new ZipWriter(new Uint8ArrayWriter());
  await writer.add('io/questdb/bin/linux-x86-64/', undefined, { directory: true });
  const empty = await writer.close();
  await expect(trimJar(empty, 'linux-x64')).rejects.toThrow('no native libraries for linux-x64');
  await expect(trimJar(jar, 'aix-ppc64')).rejects.toThrow('no native libraries for aix-ppc64');
});

it('is documented with the current version and all platforms', () => {
  const guide = readFileSync('docs/deploy.md', 'utf8');
  expect(guide).toContain(`\nnpm install ./${getPackageFile('linux-x64')}\n`);
  for (const platform of Object.keys(PLATFORM_JAR_SHA256))
    expect(guide).toContain(`\`${platform}\``);
});
