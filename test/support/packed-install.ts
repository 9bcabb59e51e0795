import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const execFileAsync = promisify(execFile);

/** A temporary folder with the packed Perfscope package and other packages installed, as in a user's project. */
export class PackedInstall {
  readonly folder = mkdtempSync(join(tmpdir(), 'perfscope-packed-'));

  async install(...packages: string[]): Promise<void> {
    const { folder } = this;
    await execFileAsync('npm', [
      'pack',
      '--silent',
      '--ignore-scripts',
      '--pack-destination',
      folder,
    ]);
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz'))!;
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    const flags = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error'];
    await execFileAsync('npm', ['install', ...flags, `./${tarball}`, ...packages], { cwd: folder });
    for (const name of readdirSync('test/apps')) cpSync(`test/apps/${name}`, join(folder, name));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
