import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import {
  getPackageFile,
  getPackageName,
  PLATFORM_JAR_SHA256,
  QUESTDB_VERSION,
} from '../../src/storage/questdb/questdb-release.mjs';
import { SBOM_FILE } from './package-sboms.ts';
import {
  hashBytes,
  listTarball,
  type Manifest,
  measureUnpackedSize,
  readTarballFile,
  readTarballManifest,
} from './tarball.ts';

export interface ReleaseTarballs {
  readonly version: string;
  /** Paths of the tarballs. */
  readonly perfscope: string;
  readonly agent: string;
  readonly questdb: readonly string[];
  /** Whether `perfscope` is allowed to have the QuestDB packages as optional dependencies. */
  readonly registryDependencies: boolean;
}

const MAX_AGENT_BYTES = 3_000_000;
/** Fields of `package.json` from which npm installs packages. */
const DEPENDENCY_FIELDS = [
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
  'bundleDependencies',
  'bundledDependencies',
  'overrides',
  'resolutions',
];
const OWN_NAME = /^(npm:)?(@perfscope\/|perfscope(@|$))/;

/** Returns the reasons why these tarballs can't be released, in complete sentences. */
export function findTarballProblems(tarballs: ReleaseTarballs): string[] {
  const { version, perfscope, agent, questdb, registryDependencies } = tarballs;
  return [
    ...findPackageProblems(perfscope, 'perfscope', version, registryDependencies),
    ...findPackageProblems(agent, '@perfscope/agent', version, false),
    ...findAgentProblems(perfscope, agent),
    ...questdb.flatMap(findQuestdbProblems),
  ];
}

function findPackageProblems(
  tarball: string,
  name: string,
  version: string,
  allowQuestdb: boolean,
): string[] {
  const file = basename(tarball);
  const manifest = readTarballManifest(tarball);
  const problems = listOwnReferences(manifest, allowQuestdb).map(
    (reference) => `${file} depends on ${reference}, but npm has no such package of this project.`,
  );
  if (manifest.name !== name || manifest.version !== version)
    problems.push(
      `${file} contains ${manifest.name} ${manifest.version} instead of ${name} ${version}.`,
    );
  if (manifest.scripts) problems.push(`${file} contains npm scripts.`);
  if (!listTarball(tarball).includes(SBOM_FILE)) problems.push(`${file} has no ${SBOM_FILE}.`);
  return problems;
}

/**
 * Returns the names of this project's packages that a manifest refers to in any dependency field. Until the project
 * owns these names on npm, npm could install packages of someone else.
 *
 * @param allowQuestdb whether the QuestDB packages are allowed as optional dependencies
 */
export function listOwnReferences(manifest: Manifest, allowQuestdb: boolean): string[] {
  const allowed = allowQuestdb ? Object.keys(PLATFORM_JAR_SHA256).map(getPackageName) : [];
  return DEPENDENCY_FIELDS.flatMap((field) => {
    const ignored = field === 'optionalDependencies' ? allowed : [];
    return listStrings(manifest[field]).filter(
      (text) => OWN_NAME.test(text) && !ignored.includes(text),
    );
  });
}

/** Returns all keys and strings in a JSON value. */
function listStrings(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (Array.isArray(value)) return value.flatMap(listStrings);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...listStrings(inner)]);
}

function findAgentProblems(perfscope: string, agent: string): string[] {
  const problems: string[] = [];
  const file = basename(agent);
  const size = measureUnpackedSize(agent);
  if (size >= MAX_AGENT_BYTES)
    problems.push(`${file} has ${size} bytes unpacked. The limit is ${MAX_AGENT_BYTES}.`);
  if (!readTarballFile(perfscope, `dist/${file}`).equals(readFileSync(agent)))
    problems.push(`${basename(perfscope)} contains another ${file} than the released file.`);
  return problems;
}

function findQuestdbProblems(tarball: string): string[] {
  const file = basename(tarball);
  const platform = Object.keys(PLATFORM_JAR_SHA256).find((each) => getPackageFile(each) === file);
  if (platform === undefined) return [`${file} is not a QuestDB package of this version.`];
  const problems = findPackageProblems(tarball, getPackageName(platform), QUESTDB_VERSION, false);
  const jar = readTarballFile(tarball, 'questdb.jar');
  const hash = hashBytes(jar, 'sha256');
  if (hash !== PLATFORM_JAR_SHA256[platform])
    problems.push(`${file} contains another questdb.jar than expected. Its SHA-256 is ${hash}.`);
  return problems;
}
