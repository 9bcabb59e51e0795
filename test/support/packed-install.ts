import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PackedPackages } from './packed-packages.ts';
import type { RegistryStub } from './registry-stub.ts';

const execFileAsync = promisify(execFile);
const FLAGS = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];

/** A temporary folder with one of Perfscope's packages and other packages installed, as in a user's project. */
export class PackedInstall {
  readonly folder = mkdtempSync(join(tmpdir(), 'perfscope-packed-'));
  /** Name of the installed package: `perfscope` or `@perfscope/agent`. */
  readonly name: string;
  /** The package's module that instruments an application. */
  readonly register: string;
  readonly #registry: RegistryStub | undefined;

  /** @param registry source of the other packages. Default: npm's configured registry. */
  constructor(name = 'perfscope', registry?: RegistryStub) {
    this.name = name;
    this.register = `${name}/register`;
    this.#registry = registry;
  }

  /** @param specs further packages, for example `express@5` */
  async install(...specs: string[]): Promise<void> {
    const cwd = this.folder;
    const packed = new PackedPackages();
    try {
      const manifest = this.#registry?.projectManifest ?? { private: true };
      writeFileSync(join(cwd, 'package.json'), JSON.stringify(manifest));
      const args = ['install', ...FLAGS, packed.getTarball(this.name), ...specs];
      await execFileAsync('npm', args, { cwd, env: this.#registry?.env() ?? process.env });
    } finally {
      packed.remove();
    }
    for (const name of readdirSync('test/apps')) {
      cpSync(`test/apps/${name}`, join(cwd, name), { recursive: true });
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
