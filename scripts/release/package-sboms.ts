import { realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import {
  getPackageName,
  PLATFORM_JAR_SHA256,
  QUESTDB_VERSION,
} from '../../src/storage/questdb/questdb-release.mjs';
import {
  readDirectDependencies,
  readLockedPackages,
  readProductionPackages,
} from './locked-packages.ts';
import { formatSbom, npmPurl, readSbomPackages, type SbomPackage } from './sbom.ts';

/** File name of the SBOM in each package. */
export const SBOM_FILE = 'sbom.cdx.json';

const LICENSE = 'Apache-2.0';

/**
 * Returns the SBOM of the agent package. It lists the packages in the bundle.
 *
 * @param bundledFolders absolute paths of packages in `node_modules`
 */
export function formatAgentSbom(version: string, bundledFolders: readonly string[]): string {
  const bundled = readBundledPackages(bundledFolders);
  return formatSbom(describeAgent(version, bundled), bundled);
}

/**
 * Returns the SBOM of the web UI. It lists the packages in the bundle.
 *
 * @param bundledFolders absolute paths of packages in `node_modules`
 */
export function formatWebSbom(version: string, bundledFolders: readonly string[]): string {
  const bundled = readBundledPackages(bundledFolders);
  const dependsOn = bundled.map(({ purl }) => purl);
  return formatSbom({ ...describeNpmPackage('perfscope', version), dependsOn }, bundled);
}

/**
 * Returns the SBOM of the package `perfscope`. It lists all packages that npm installs with it, in the versions of
 * `package-lock.json`. It also lists the packages in the bundles of the agent and the web UI.
 *
 * @param agentSbom the result of `formatAgentSbom`
 * @param webSbom the result of `formatWebSbom`
 */
export function formatPerfscopeSbom(version: string, agentSbom: string, webSbom: string): string {
  const bundled = readSbomPackages(agentSbom);
  const web = readSbomPackages(webSbom);
  const agent = describeAgent(version, bundled);
  const main = {
    ...describeNpmPackage('perfscope', version),
    dependsOn: [agent.purl, ...web.map(({ purl }) => purl), ...readDirectDependencies()],
  };
  return formatSbom(main, [...bundled, ...web, ...readProductionPackages(), agent]);
}

/**
 * Returns the SBOM of the package that contains QuestDB and a Java runtime.
 *
 * @param platform for example `linux-x64`
 * @param javaVersion for example `17.0.15`
 */
export function formatQuestdbSbom(platform: string, javaVersion: string): string {
  const questdb: SbomPackage = {
    purl: `pkg:maven/org.questdb/questdb@${QUESTDB_VERSION}`,
    name: 'questdb',
    version: QUESTDB_VERSION,
    license: LICENSE,
    hashes: [{ alg: 'SHA-256', content: PLATFORM_JAR_SHA256[platform]! }],
  };
  const java: SbomPackage = {
    purl: `pkg:generic/openjdk@${javaVersion}`,
    name: 'openjdk',
    version: javaVersion,
    license: 'GPL-2.0-only WITH Classpath-exception-2.0',
  };
  const main = {
    ...describeNpmPackage(getPackageName(platform), QUESTDB_VERSION),
    license: `${LICENSE} AND ${java.license}`,
    dependsOn: [questdb.purl, java.purl],
  };
  return formatSbom(main, [questdb, java]);
}

function readBundledPackages(folders: readonly string[]): SbomPackage[] {
  const root = realpathSync('node_modules');
  return readLockedPackages(folders.map((folder) => join('node_modules', relative(root, folder))));
}

function describeAgent(version: string, bundled: readonly SbomPackage[]): SbomPackage {
  return {
    ...describeNpmPackage('@perfscope/agent', version),
    dependsOn: bundled.map(({ purl }) => purl),
  };
}

function describeNpmPackage(name: string, version: string): SbomPackage {
  return { purl: npmPurl(name, version), name, version, license: LICENSE };
}
