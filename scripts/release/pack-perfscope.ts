import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  getPackageName,
  PLATFORM_JAR_SHA256,
  QUESTDB_VERSION,
} from '../../src/storage/questdb/questdb-release.mjs';
import { AGENT_FOLDER, packFolder, readJson, runNpmPack, writeJson } from './pack-folder.ts';
import { formatPerfscopeSbom, SBOM_FILE } from './package-sboms.ts';
import type { Manifest } from './tarball.ts';

/** Fields of `package.json` that only a checkout needs. */
const CHECKOUT_FIELDS = new Set(['devDependencies', 'files', 'overrides', 'scripts']);

export interface PackOptions {
  /** An existing folder. */
  readonly out: string;
  /**
   * Whether the package depends on the QuestDB packages in the npm registry. Use it only if the npm scope `@perfscope`
   * belongs to this project. Otherwise, npm could install packages of someone else.
   */
  readonly registryDependencies: boolean;
}

/**
 * Packs the package `perfscope` from the current folder and its `dist`, as published.
 *
 * @returns the path of the tarball
 */
export function packPerfscope({ out, registryDependencies }: PackOptions): string {
  const manifest = readJson('package.json') as Manifest;
  const stage = mkdtempSync(join(tmpdir(), 'perfscope-pack-'));
  try {
    for (const file of listPackedFiles()) cpSync(file, join(stage, file));
    const published = createManifest(manifest, registryDependencies);
    writeJson(join(stage, 'package.json'), published);
    // The modules of the agent are CommonJS. npm reads the other fields only at the top of a package.
    writeJson(join(stage, AGENT_FOLDER, 'package.json'), { type: 'commonjs' });
    const agentSbom = readFileSync(join(AGENT_FOLDER, SBOM_FILE), 'utf8');
    const webSbom = readFileSync(join('dist', 'web', SBOM_FILE), 'utf8');
    const sbom = formatPerfscopeSbom(manifest.version, agentSbom, webSbom);
    writeFileSync(join(stage, SBOM_FILE), sbom);
    packFolder(stage, out);
    return join(out, `perfscope-${manifest.version}.tgz`);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/**
 * Returns the published `package.json`.
 *
 * @param manifest the `package.json` of the checkout
 */
export function createManifest(manifest: Manifest, registryDependencies: boolean): Manifest {
  const published = Object.entries(manifest).filter(([field]) => !CHECKOUT_FIELDS.has(field));
  if (!registryDependencies) return Object.fromEntries(published) as Manifest;
  const names = Object.keys(PLATFORM_JAR_SHA256).map(getPackageName);
  return {
    ...(Object.fromEntries(published) as Manifest),
    optionalDependencies: Object.fromEntries(names.map((name) => [name, QUESTDB_VERSION])),
    publishConfig: { access: 'public', provenance: true },
  };
}

/** Returns the files that `files` in `package.json` selects. */
function listPackedFiles(): string[] {
  const [{ files }] = JSON.parse(runNpmPack(['--dry-run', '--json'], '.')) as [
    { files: { path: string }[] },
  ];
  return files.map(({ path }) => path);
}
