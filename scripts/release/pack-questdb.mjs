// Builds the npm package that contains QuestDB and a Java runtime for one platform, and prints the package's path.
// Usage: node scripts/release/pack-questdb.mjs [--platform linux-x64] [--jdk DIR] [--out DIR]
// For another platform, `--jdk` is the folder of an unpacked JDK for that platform.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { resolveJar } from '../../src/storage/questdb/questdb-jar.mjs';
import {
  getPackageFile,
  getPackageName,
  PLATFORM_JAR_SHA256,
  QUESTDB_VERSION,
} from '../../src/storage/questdb/questdb-release.mjs';
import { createJavaRuntime } from './java-runtime.mjs';
import { packFolder, writeJson } from './pack-folder.ts';
import { formatPackageReadme } from './package-readme.mjs';
import { formatQuestdbSbom, SBOM_FILE } from './package-sboms.ts';
import { hashBytes } from './tarball.ts';
import { trimJar } from './trim-jar.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LICENSE_FILES = [
  ['LICENSE', 'LICENSE'],
  ['scripts/release/questdb-third-party-licenses.txt', 'THIRD_PARTY_LICENSES.txt'],
];

try {
  console.log(await packQuestdb(readOptions()));
} catch (error) {
  console.error(error.message);
  process.exit(1);
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      platform: { type: 'string', default: `${process.platform}-${process.arch}` },
      jdk: { type: 'string' },
      out: { type: 'string', default: '.' },
    },
  });
  const platforms = Object.keys(PLATFORM_JAR_SHA256);
  if (!platforms.includes(values.platform)) {
    throw new Error(
      `There is no QuestDB package for ${values.platform}. Platforms: ${platforms.join(', ')}.`,
    );
  }
  return values;
}

async function packQuestdb({ platform, jdk, out }) {
  const stage = mkdtempSync(join(tmpdir(), 'perfscope-questdb-'));
  const output = join(stage, 'package');
  try {
    mkdirSync(output);
    writeFileSync(join(output, 'questdb.jar'), await createPlatformJar(platform));
    const javaVersion = createJavaRuntime({ platform, jdk, output: join(stage, 'runtime') });
    // jlink links equal license texts to one file, but npm doesn't pack symbolic links.
    cpSync(join(stage, 'runtime'), join(output, 'runtime'), { recursive: true, dereference: true });
    for (const [from, to] of LICENSE_FILES) cpSync(join(ROOT, from), join(output, to));
    writeFileSync(join(output, 'README.md'), formatPackageReadme(platform, javaVersion));
    writeJson(join(output, 'package.json'), createManifest(platform, javaVersion));
    writeFileSync(join(output, SBOM_FILE), formatQuestdbSbom(platform, javaVersion));
    mkdirSync(out, { recursive: true });
    packFolder(output, out);
    return join(resolve(out), getPackageFile(platform));
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** Returns QuestDB's jar for one platform, and checks its SHA-256. */
async function createPlatformJar(platform) {
  const jar = await resolveJar({ log: (line) => console.error(line) });
  const trimmed = await trimJar(readFileSync(jar), platform);
  const found = hashBytes(trimmed, 'sha256');
  const expected = PLATFORM_JAR_SHA256[platform];
  if (found === expected) return trimmed;
  throw new Error(
    `The jar for ${platform} has the SHA-256 ${found} instead of ${expected}. If QuestDB or zip.js was updated, check the jar and change src/storage/questdb/questdb-release.mjs.`,
  );
}

function createManifest(platform, javaVersion) {
  const [os, cpu] = platform.split('-');
  return {
    name: getPackageName(platform),
    version: QUESTDB_VERSION,
    description: `QuestDB ${QUESTDB_VERSION} and a Java ${javaVersion} runtime for Perfscope on ${platform}`,
    license: 'Apache-2.0 AND GPL-2.0-only WITH Classpath-exception-2.0',
    os: [os],
    cpu: [cpu],
    ...(os === 'linux' ? { libc: ['glibc'] } : {}),
    // Yarn must unpack the package, because Java can't be started from a zip file.
    preferUnplugged: true,
  };
}
