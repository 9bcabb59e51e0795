import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import {
  JAR_SHA256,
  QUESTDB_VERSION,
  getPackageName,
} from '../../src/storage/questdb/questdb-release.mjs';
import {
  readDirectDependencies,
  readLockedPackages,
  readProductionPackages,
} from './locked-packages.ts';
import { formatSbom, npmPurl, type SbomPackage } from './sbom.ts';

/** File name of the SBOM in each package. */
export const SBOM_FILE = 'sbom.cdx.json';

const LICENSE = 'Apache-2.0';

/**
 * Returns the SBOM of the agent package, which lists the packages in its bundle.
 *
 * @param bundledFolders absolute paths below `node_modules`
 */
export function formatAgentSbom(version: string, bundledFolders: readonly string[]): string {
  const paths = bundledFolders.map((folder) => relative('.', folder));
  const bundled = readLockedPackages(paths.map((path) => path.replace(/^.*?(?=node_modules)/, '')));
  return formatSbom(describeAgent(version, bundled), bundled);
}
