// Builds the package `@perfscope/agent`: a folder as published, and its tarball. The server offers the tarball for
// download, and the package `perfscope` re-exports the modules in the folder.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleAgent, formatLicenses } from './bundle-agent.mjs';
import { formatAgentSbom, SBOM_FILE } from './release/package-sboms.ts';

const TEMPLATE_FOLDER = 'packages/agent';
const AGENT_FOLDER = 'dist/agent-package';

/** Builds the package from `src` and the compiled declarations in `dist`. */
export async function buildAgentPackage() {
  const { version } = readJson('package.json');
  mkdirSync(AGENT_FOLDER, { recursive: true });
  const bundledFolders = await bundleAgent(AGENT_FOLDER, version);
  const { name, ...manifest } = readJson(join(TEMPLATE_FOLDER, 'package.json'));
  writeJson(join(AGENT_FOLDER, 'package.json'), { name, version, ...manifest });
  const readme = readFileSync(join(TEMPLATE_FOLDER, 'README.md'), 'utf8');
  writeFileSync(join(AGENT_FOLDER, 'README.md'), readme.replaceAll('<version>', version));
  cpSync('LICENSE', join(AGENT_FOLDER, 'LICENSE'));
  writeFileSync(join(AGENT_FOLDER, 'THIRD_PARTY_LICENSES.txt'), formatLicenses(bundledFolders));
  writeFileSync(join(AGENT_FOLDER, SBOM_FILE), formatAgentSbom(version, bundledFolders));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', '../'], {
    cwd: AGENT_FOLDER,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

function readJson(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

function writeJson(file, value) {
  writeFileSync(file, `${JSON.stringify(value, null, 2)}\n`);
}
