/*
 * Version, hashes, and package names of the QuestDB release that Perfscope uses. `scripts/prepare.mjs`
 * imports this file before any package is installed, so it must be plain JavaScript for Node 18.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';

export const QUESTDB_VERSION = '9.3.4';

/** SHA-256 of the jar on Maven Central, which contains the native libraries of every platform. */
export const JAR_SHA256 = '939bc53ab22f93dbaa6545143a6e7c536d4904c07b7f2d381e8eef10436be062';

/**
 * SHA-256 of the jar in each platform package, by Node.js platform and architecture. This jar
 * contains the native libraries of only one platform.
 *
 * @type {Readonly<Record<string, string>>}
 */
export const PLATFORM_JAR_SHA256 = {
  'darwin-arm64': '9bb046447d887b4dcfbbb2466b34f85c3fc6b92c97c1905ae8eaafed9876f0b2',
  'darwin-x64': '45f3c84338ed1bc25038d43fb71dee07a7651f4b985e5586cbe52bdb2a1df879',
  'linux-arm64': '5615e754898ee399710f4594e80136829f2c4830b751da7f572b2763a5154ec2',
  'linux-x64': '2ead1467819298bd678df3407ad4df1e2bcea08667a3ee6d0d213bc2e7336d62',
  'win32-x64': '3788a470738cc30f5ef62cded61557e43b54211427932173189793301d09d5cd',
};

const READ_BYTES = 1024 * 1024;

/**
 * Returns the SHA-256 of a file in hexadecimal. Takes about 30 ms for QuestDB's jar.
 *
 * @param {string} file
 * @returns {string}
 */
export function hashFile(file) {
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(READ_BYTES);
  const fd = openSync(file, 'r');
  try {
    for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer)) {
      hash.update(buffer.subarray(0, length));
    }
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}

/**
 * Returns the name of the package that contains QuestDB and a Java runtime for a platform.
 *
 * @param {string} platform for example `linux-x64`
 * @returns {string}
 */
export function getPackageName(platform) {
  return `@perfscope/questdb-${platform}`;
}

/**
 * Returns the file name of a platform package.
 *
 * @param {string} platform for example `linux-x64`
 * @returns {string}
 */
export function getPackageFile(platform) {
  return `perfscope-questdb-${platform}-${QUESTDB_VERSION}.tgz`;
}
