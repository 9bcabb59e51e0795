import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** First Go minor version that automatically downloads the toolchain that a module requires. */
const MIN_AUTO_TOOLCHAIN = 21;
const TOOLCHAIN = '1.26.8';

/**
 * Returns the path of a `go` command that can compile current modules. Debian's Go is too old, but it can
 * download the current toolchain, which Go's module proxy serves as a module.
 *
 * @returns {Promise<string>}
 * @throws Error if Go is not installed
 */
export async function goCommand() {
  const commands = ['go', '/usr/local/go/bin/go', '/usr/lib/go/bin/go'].map((go) => [
    go,
    getMinorVersion(go),
  ]);
  const [current] = commands.find(([, minor]) => minor >= MIN_AUTO_TOOLCHAIN) ?? [];
  if (current) return current;
  const [outdated] = commands.find(([, minor]) => minor > 0) ?? [];
  if (!outdated)
    throw new Error("Go is not installed. Run 'apt-get install golang-go' to install it.");
  return fetchToolchain(outdated);
}

function getMinorVersion(go) {
  const { stdout } = spawnSync(go, ['version'], { encoding: 'utf8' });
  return Number(/go1\.(\d+)/.exec(stdout ?? '')?.[1] ?? 0);
}

async function fetchToolchain(go) {
  const system = { x64: 'amd64', arm64: 'arm64' }[process.arch];
  const module = `golang.org/toolchain@v0.0.1-go${TOOLCHAIN}.${process.platform}-${system}`;
  const { stdout } = await promisify(execFile)(go, ['mod', 'download', '-json', module], {
    // An older Go can't verify this module with the checksum database.
    env: { ...process.env, GONOSUMDB: 'golang.org/toolchain', GOFLAGS: '-modcacherw' },
  });
  const { Dir: folder } = JSON.parse(stdout);
  // Module archives don't preserve the executable bit.
  const programFolders = [join(folder, 'bin'), ...listToolFolders(join(folder, 'pkg', 'tool'))];
  for (const each of programFolders)
    for (const name of readdirSync(each)) chmodSync(join(each, name), 0o755);
  return join(folder, 'bin', 'go');
}

function listToolFolders(root) {
  return existsSync(root) ? readdirSync(root).map((name) => join(root, name)) : [];
}
