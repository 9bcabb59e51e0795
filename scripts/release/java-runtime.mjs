import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Modules that QuestDB uses when it runs from the class path. */
const MODULES = [
  'java.base',
  'java.logging',
  'java.management',
  'java.naming',
  'java.sql',
  'jdk.crypto.ec',
  'jdk.management',
  'jdk.unsupported',
  'jdk.zipfs',
];
const MIN_JAVA_VERSION = 17;
const FIRST_VERSION_WITH_ZIP_LEVELS = 21;
const OS_NAMES = { linux: 'Linux', darwin: 'Darwin', win32: 'Windows' };
const OS_ARCHS = { x64: ['x86_64', 'amd64'], arm64: ['aarch64', 'arm64'] };

/**
 * Creates a Java runtime with only the modules that QuestDB needs.
 *
 * @param {{ platform: string, jdk: string | undefined, output: string }} options `platform` is for
 *   example `linux-x64`. `jdk` is the folder of a JDK for that platform. Without it, the JDK in
 *   `JAVA_HOME` or `PATH` is used. `output` is the folder to create.
 * @returns {string} the version of the runtime, for example `17.0.15`
 * @throws Error if there is no suitable JDK, or if jlink fails
 */
export function createJavaRuntime({ platform, jdk, output }) {
  const isLocal = platform === `${process.platform}-${process.arch}`;
  if (!isLocal && jdk === undefined)
    throw new Error(`Set --jdk to the folder of an unpacked JDK for ${platform}.`);
  const target = jdk === undefined ? undefined : readJdk(jdk, platform);
  const jlink = isLocal && target ? join(target.home, 'bin', 'jlink') : findLocalJlink();
  const version = readJlinkVersion(jlink);
  const feature = Number.parseInt(version, 10);
  if (feature < MIN_JAVA_VERSION)
    throw new Error(`QuestDB needs Java ${MIN_JAVA_VERSION} or newer, but ${jlink} is ${version}.`);
  if (target && Number.parseInt(target.version, 10) !== feature) {
    throw new Error(
      `The JDK in ${jdk} has version ${target.version}, but ${jlink} has version ${version}. jlink can use only a JDK with its own major version. Use a JDK ${feature} for ${platform}, or set JAVA_HOME to a local JDK ${Number.parseInt(target.version, 10)}.`,
    );
  }
  if (target && !isLocal && !existsSync(join(target.home, 'jmods')))
    throw new Error(`${target.home} contains no jmods folder. Use a JDK that includes jmods.`);
  const modulePath = isLocal ? [] : ['--module-path', join(target.home, 'jmods')];
  runJlink(jlink, [
    ...modulePath,
    '--add-modules',
    MODULES.join(','),
    // `--strip-debug` would also run objcopy, which can't process the libraries of other platforms.
    '--strip-java-debug-attributes',
    '--no-header-files',
    '--no-man-pages',
    `--compress=${feature >= FIRST_VERSION_WITH_ZIP_LEVELS ? 'zip-6' : '2'}`,
    '--vm=server',
    '--output',
    output,
  ]);
  return target?.version ?? version;
}

/** Reads a JDK's version, and checks that the JDK is for the platform. */
function readJdk(folder, platform) {
  const bundle = join(folder, 'Contents', 'Home');
  const home = existsSync(bundle) ? bundle : folder;
  const file = join(home, 'release');
  if (!existsSync(file)) throw new Error(`${folder} is not a JDK: it contains no release file.`);
  const properties = Object.fromEntries(
    [...readFileSync(file, 'utf8').matchAll(/^(\w+)="(.*)"$/gm)].map(([, key, value]) => [
      key,
      value,
    ]),
  );
  const { JAVA_VERSION: version = '', OS_NAME: os, OS_ARCH: arch, LIBC: libc } = properties;
  const [targetOs, targetArch] = platform.split('-');
  const matches = os === OS_NAMES[targetOs] && OS_ARCHS[targetArch].includes(arch);
  if (!matches || libc === 'musl') {
    const found = [os, arch, libc].filter(Boolean).join(' ');
    throw new Error(`The JDK in ${folder} is for ${found}, not for ${platform} with glibc.`);
  }
  return { home, version };
}

function findLocalJlink() {
  const home = process.env.JAVA_HOME;
  return home ? join(home, 'bin', 'jlink') : 'jlink';
}

function readJlinkVersion(jlink) {
  const { status, stdout } = spawnSync(jlink, ['--version'], { encoding: 'utf8' });
  if (status === 0) return stdout.trim();
  throw new Error(
    `${jlink} was not found. Install a JDK ${MIN_JAVA_VERSION} or newer (Debian: openjdk-17-jdk-headless), or set JAVA_HOME or --jdk.`,
  );
}

function runJlink(jlink, args) {
  const { status, stdout, stderr } = spawnSync(jlink, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`jlink failed: ${`${stdout}${stderr}`.trim()}`);
}
