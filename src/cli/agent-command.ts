import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import type { Command } from 'commander';
import { formatBytes } from '../core/format.ts';
import { createError, errorMessage } from '../core/perfscope-error.ts';
import { VERSION } from '../core/version.ts';
import { type AgentPackage, loadAgentPackage } from '../server/agent-package/agent-package-file.ts';
import { formatInstallSteps, VENDOR_FOLDER } from './agent-install-steps.ts';
import { formatExamples } from './command-options.ts';
import { print, printJson } from './command-output.ts';

interface PackOptions {
  output: string;
  force?: true;
  json?: true;
}

export function addAgentCommand(program: Command): void {
  const examples = formatExamples(
    'perfscope agent pack',
    'perfscope agent pack -o ../booking/vendor',
    'perfscope agent pack -o agent.tgz --json',
  );
  const agent = program
    .command('agent')
    .description('Save the agent package, for installation in services')
    .addHelpText('after', examples);
  agent
    .command('pack')
    .description('Save the agent package of this version as a file that npm can install')
    .option(
      '-o, --output <path>',
      'Output folder, or output file that ends with .tgz',
      VENDOR_FOLDER,
    )
    .option('--force', 'Overwrite a different file with the same name')
    .option('--json', 'Print the file, version, SHA-512, and size as JSON')
    .addHelpText('after', examples)
    .action(packAgent);
}

function packAgent({ output, force, json }: PackOptions): void {
  const agent = loadAgentPackage();
  const file = resolve(output.endsWith('.tgz') ? output : join(output, agent.fileName));
  const isNew = saveAgent(agent, file, force ?? false);
  const { integrity, bytes } = agent;
  if (json) {
    printJson({ file, version: VERSION, integrity, bytes: bytes.length });
    return;
  }
  const name = toNpmPath(file);
  print(`${isNew ? 'Saved' : 'Already saved:'} ${name} (${formatBytes(bytes.length)})`);
  print(`SHA-512: ${integrity}`);
  print(
    'Commit the file in the repository of your service. Then run in the folder of the service:',
  );
  for (const step of formatInstallSteps(name)) print(`  ${step}`);
}

/**
 * Writes the package to `file`, and creates its folder.
 *
 * @returns false if the file already has this content
 * @throws PS_AGENT_FILE_DIFFERS if the file has other content and `force` is not set
 * @throws PS_EXPORT_FAILED if the file can't be written
 */
function saveAgent({ bytes }: AgentPackage, file: string, force: boolean): boolean {
  const existing = existsSync(file) ? readFileSync(file) : undefined;
  if (existing?.equals(bytes)) return false;
  if (existing && !force) throw createError('PS_AGENT_FILE_DIFFERS', { file });
  const tempFile = `${file}.${process.pid}.part`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(tempFile, bytes);
    renameSync(tempFile, file);
    return true;
  } catch (error) {
    if (existsSync(tempFile)) rmSync(tempFile);
    throw createError('PS_EXPORT_FAILED', { file, reason: errorMessage(error) }, error);
  }
}

/** Returns a path that npm doesn't take for a package name: absolute, or starting with `./`. */
function toNpmPath(file: string): string {
  const path = relative(process.cwd(), file);
  return path.startsWith('..') ? file : `./${path.split(sep).join('/')}`;
}
