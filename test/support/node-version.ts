import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Installs another version of Node from the npm packages with its binaries. */
export class NodeVersion {
  readonly #folder = mkdtempSync(join(tmpdir(), 'perfscope-node-'));
  readonly #package = `node-${process.platform}-${process.arch}`;

  async install(major: number): Promise<void> {
    writeFileSync(join(this.#folder, 'package.json'), '{ "private": true }');
    const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
    const spec = `${this.#package}@${major}`;
    await promisify(execFile)('npm', ['install', ...flags, spec], { cwd: this.#folder });
  }

  get path(): string {
    return join(this.#folder, 'node_modules', this.#package, 'bin', 'node');
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
