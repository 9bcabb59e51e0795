// Builds all packages of a release, checks them, and writes them to release/ with hashes, SBOMs, and provenance.
// Usage: npm run release -- --help
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { build } from '../build.mjs';
import { findSourceProblems, readSourceState, runGit } from './check-source.ts';
import { findTarballProblems } from './check-tarballs.ts';
import { packPerfscope } from './pack-perfscope.ts';
import { SBOM_FILE } from './package-sboms.ts';
import { formatProvenance } from './provenance.ts';
import { formatReleaseCommand, parseReleaseOptions, RELEASE_HELP } from './release-options.ts';
import { hashFileContent, readTarballFile } from './tarball.ts';

const OUT = 'release';
const PACK_QUESTDB = 'scripts/release/pack-questdb.mjs';

try {
  const options = parseReleaseOptions(process.argv.slice(2));
  if (options.help) console.log(RELEASE_HELP);
  else await release(options);
} catch (error) {
  console.error(`release: ${error.message}`);
  process.exit(1);
}

async function release(options) {
  log('checking the source …');
  const state = readSourceState(options.allowDirty);
  throwProblems(findSourceProblems(state));
  // Reproducible builds use the commit's time instead of the current time.
  process.env.SOURCE_DATE_EPOCH ??= runGit('log', '-1', '--format=%ct');
  log('compiling …');
  await build();
  const stage = mkdtempSync(join(tmpdir(), 'perfscope-release-'));
  try {
    const tarballs = packAll(stage, state.version, options);
    log('checking the packages …');
    throwProblems(findTarballProblems(tarballs));
    const files = [tarballs.perfscope, tarballs.agent, ...tarballs.questdb];
    writeMetadata(stage, files, state, options);
    rmSync(OUT, { recursive: true, force: true });
    for (const file of readdirSync(stage).toSorted()) {
      cpSync(join(stage, file), join(OUT, file));
      log(`wrote ${join(OUT, file)}`);
    }
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** Writes all tarballs to `stage`. */
function packAll(stage, version, { registryDependencies, questdb, questdbFrom }) {
  log('packing perfscope and @perfscope/agent …');
  const agent = join(stage, `perfscope-agent-${version}.tgz`);
  cpSync(join('dist', basename(agent)), agent);
  const perfscope = packPerfscope({ out: stage, registryDependencies });
  for (const { platform, jdk } of questdb) {
    log(`packing QuestDB for ${platform} …`);
    packQuestdb(['--platform', platform, ...(jdk ? ['--jdk', jdk] : []), '--out', stage]);
  }
  if (questdbFrom !== undefined) copyQuestdbPackages(questdbFrom, stage);
  const questdbFiles = listQuestdbPackages(stage);
  return { version, perfscope, agent, questdb: questdbFiles, registryDependencies };
}

function packQuestdb(args) {
  execFileSync(process.execPath, [PACK_QUESTDB, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function copyQuestdbPackages(from, to) {
  const files = listQuestdbPackages(from);
  if (files.length === 0) throw new Error(`${from} contains no QuestDB package.`);
  for (const file of files) cpSync(file, join(to, basename(file)));
}

function listQuestdbPackages(folder) {
  const names = readdirSync(folder).filter((name) => /^perfscope-questdb-.*\.tgz$/.test(name));
  return names.toSorted().map((name) => join(folder, name));
}

/** Writes the hashes, the SBOMs, and the provenance of the tarballs to `stage`. */
function writeMetadata(stage, files, { changedFiles }, options) {
  const subjects = files.map((file) => ({
    name: basename(file),
    sha256: hashFileContent(file, 'sha256'),
    sha512: hashFileContent(file, 'sha512'),
  }));
  const lines = subjects.map(({ name, sha512 }) => `${sha512}  ${name}\n`);
  writeFileSync(join(stage, 'SHA512SUMS'), lines.join(''));
  // The hashes as npm writes them to package-lock.json.
  const integrity = files.map((file) => [
    basename(file),
    `sha512-${hashFileContent(file, 'sha512', 'base64')}`,
  ]);
  writeFileSync(
    join(stage, 'integrity.json'),
    `${JSON.stringify(Object.fromEntries(integrity), null, 2)}\n`,
  );
  for (const file of files)
    writeFileSync(file.replace(/\.tgz$/, '.cdx.json'), readTarballFile(file, SBOM_FILE));
  const provenance = formatProvenance({
    subjects,
    commit: runGit('rev-parse', 'HEAD'),
    dirty: changedFiles.length > 0,
    command: formatReleaseCommand(options),
    lockSha256: hashFileContent('package-lock.json', 'sha256'),
    env: process.env,
  });
  writeFileSync(join(stage, 'provenance.intoto.json'), provenance);
}

function throwProblems(problems) {
  if (problems.length > 0) throw new Error(problems.join('\nrelease: '));
}

function log(line) {
  console.log(`release: ${line}`);
}
