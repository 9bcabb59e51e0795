import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Another version of Node, from the registry's packages of its binaries. */
export class NodeVersion {
  readonly #folder = mkdtempSync(join(tmpdir(), 'perfscope-node-'));
  readonly #package = `node-${process.platform}-${process.arch}`;

  async install(major: number): Promise<void> {
    writeFileSync(join(this.#folder, 'package.json'), '{ "private": true }');
    const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
    const what = `${this.#package}@${major}`;
    await promisify(execFile)('npm', ['install', ...quiet, what], { cwd: this.#folder });
  }

  get path(): string {
    return join(this.#folder, 'node_modules', this.#package, 'bin', 'node');
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
