import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** From here on Go fetches the newer toolchain that a module asks for by itself. */
const FETCHES_ITSELF = 21;
const TOOLCHAIN = '1.25.5';

/**
 * A `go` that compiles what asks for a current one. Debian's is older than that: it can still fetch
 * the current toolchain, which Go's module proxy serves as a module.
 *
 * @returns {Promise<string>} its path
 * @throws where there is no Go at all
 */
export async function goCommand() {
  const found = ['go', '/usr/local/go/bin/go', '/usr/lib/go/bin/go'].map((go) => [go, minorOf(go)]);
  const [newEnough] = found.find(([, minor]) => minor >= FETCHES_ITSELF) ?? [];
  if (newEnough) return newEnough;
  const [old] = found.find(([, minor]) => minor > 0) ?? [];
  if (!old) throw new Error('Go is missing. Install it: apt-get install golang-go');
  return fetchToolchain(old);
}

function minorOf(go) {
  const { stdout } = spawnSync(go, ['version'], { encoding: 'utf8' });
  return Number(/go1\.(\d+)/.exec(stdout ?? '')?.[1] ?? 0);
}

async function fetchToolchain(go) {
  const system = { x64: 'amd64', arm64: 'arm64' }[process.arch];
  const module = `golang.org/toolchain@v0.0.1-go${TOOLCHAIN}.${process.platform}-${system}`;
  const { stdout } = await promisify(execFile)(go, ['mod', 'download', '-json', module], {
    // An older Go does not know this module's line in the checksum database.
    env: { ...process.env, GONOSUMDB: 'golang.org/toolchain', GOFLAGS: '-modcacherw' },
  });
  const { Dir: folder } = JSON.parse(stdout);
  // The archive of a module has no executable files.
  const programs = [join(folder, 'bin'), ...toolFolders(join(folder, 'pkg', 'tool'))];
  for (const each of programs)
    for (const name of readdirSync(each)) chmodSync(join(each, name), 0o755);
  return join(folder, 'bin', 'go');
}

function toolFolders(root) {
  return existsSync(root) ? readdirSync(root).map((name) => join(root, name)) : [];
}
