// Builds the package `@perfscope/agent`: a folder as published, and its tarball. The server offers the tarball for
// download, and the package `perfscope` re-exports the modules in the folder.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleAgent, formatLicenses } from './bundle-agent.mjs';
import { AGENT_FOLDER, packFolder, readJson, writeJson } from './release/pack-folder.ts';
import { formatAgentSbom, SBOM_FILE } from './release/package-sboms.ts';

const TEMPLATE_FOLDER = 'packages/agent';
/** Modules that check the runtime before they load the bundle. */
const LOADERS = ['register.js', 'index.js', 'opentelemetry.js', 'bin.js', 'lambda-handler.mjs'];

/** Builds the package from `src` and the compiled declarations in `dist`. */
export async function buildAgentPackage() {
  const { version } = readJson('package.json');
  mkdirSync(AGENT_FOLDER, { recursive: true });
  const bundledFolders = await bundleAgent(AGENT_FOLDER, version);
  const { name, ...manifest } = readJson(join(TEMPLATE_FOLDER, 'package.json'));
  writeJson(join(AGENT_FOLDER, 'package.json'), { name, version, ...manifest });
  const readme = readFileSync(join(TEMPLATE_FOLDER, 'README.md'), 'utf8');
  writeFileSync(join(AGENT_FOLDER, 'README.md'), readme.replaceAll('<version>', version));
  for (const file of LOADERS) cpSync(join(TEMPLATE_FOLDER, file), join(AGENT_FOLDER, file));
  cpSync('LICENSE', join(AGENT_FOLDER, 'LICENSE'));
  writeFileSync(join(AGENT_FOLDER, 'THIRD_PARTY_LICENSES.txt'), formatLicenses(bundledFolders));
  writeFileSync(join(AGENT_FOLDER, SBOM_FILE), formatAgentSbom(version, bundledFolders));
  packFolder(AGENT_FOLDER, 'dist');
}
