// Builds the web UI to dist/web, with the licenses and an SBOM of the packages that its files contain.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build } from 'vite';
import { findPackageFolders, formatLicenses } from './bundle-agent.mjs';
import { readJson } from './release/pack-folder.ts';
import { formatWebSbom, SBOM_FILE } from './release/package-sboms.ts';

/** @param {string} [folder] the output. Default: dist/web */
export async function buildWebApp(folder = join('dist', 'web')) {
  const files = [];
  await build({
    configFile: join('src', 'web', 'vite.config.ts'),
    build: { outDir: resolve(folder) },
    plugins: [collectFiles(files)],
  });
  compressAssets(join(folder, 'assets'));
  const packages = findPackageFolders(files);
  writeFileSync(join(folder, 'THIRD_PARTY_LICENSES.txt'), formatLicenses(packages));
  writeFileSync(join(folder, SBOM_FILE), formatWebSbom(readJson('package.json').version, packages));
}

/** Adds the modules and other files of the bundle, such as fonts, to `files`. */
function collectFiles(files) {
  return {
    name: 'collect-files',
    generateBundle: (_options, bundle) => {
      for (const output of Object.values(bundle)) {
        const sources = output.type === 'chunk' ? output.moduleIds : output.originalFileNames;
        files.push(...sources.map((file) => resolve('src', 'web', file)));
      }
    },
  };
}

/** Compresses scripts and styles, so that the server doesn't have to. */
function compressAssets(folder) {
  for (const name of readdirSync(folder)) {
    if (!/\.(?:js|css)$/.test(name)) continue;
    const content = readFileSync(join(folder, name));
    writeFileSync(join(folder, `${name}.br`), brotliCompressSync(content));
    writeFileSync(join(folder, `${name}.gz`), gzipSync(content, { level: 9 }));
  }
}
