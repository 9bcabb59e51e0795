import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packPerfscope } from '../../scripts/release/pack-perfscope.ts';
import { loadAgentPackage } from '../../src/server/agent-package/agent-package-file.ts';

/** The tarballs `perfscope` and `@perfscope/agent` as published, in a temporary folder. */
export class PackedPackages {
  readonly folder = mkdtempSync(join(tmpdir(), 'perfscope-packages-'));
  readonly agent: string;
  #perfscope: string | undefined;

  constructor() {
    const { file, fileName } = loadAgentPackage();
    this.agent = join(this.folder, fileName);
    cpSync(file, this.agent);
  }

  /** Path of the tarball. It is packed at the first use, which takes 2 s. */
  get perfscope(): string {
    this.#perfscope ??= packPerfscope({ out: this.folder, registryDependencies: false });
    return this.#perfscope;
  }

  /** Returns the path of the package with this name. */
  getTarball(name: string): string {
    return name === 'perfscope' ? this.perfscope : this.agent;
  }

  /** Unpacks a tarball to `node_modules` in `project`, without its dependencies. */
  unpack(name: string, project: string): void {
    const target = join(project, 'node_modules', name);
    mkdirSync(target, { recursive: true });
    execFileSync('tar', ['-xzf', this.getTarball(name), '-C', target, '--strip-components=1']);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
