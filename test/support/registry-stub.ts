import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { listenOnFreePort } from './listen-on-free-port.ts';

export interface RegistryRequest {
  readonly method: string;
  /** Decoded, for example `/@scope/name`. */
  readonly path: string;
  /** Decompressed. Empty if the request has no body. */
  readonly body: string;
  readonly status: number;
}

export interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly bundleDependencies?: readonly string[];
}

interface StoredVersion {
  readonly manifest: PackageManifest;
  /** Folder with the files. */
  readonly folder: string;
}

const AUDIT_PATH = '/-/npm/v1/security/advisories/bulk';
const run = promisify(execFile);

/**
 * An npm registry on a free loopback port. It serves every package in the `node_modules` of this
 * checkout, records all requests, and answers 404 for all other packages.
 */
export class RegistryStub {
  readonly requests: RegistryRequest[] = [];
  /** Response to audit requests: security advisories by package name. */
  advisories: Record<string, unknown> = {};
  readonly #folder = mkdtempSync(join(tmpdir(), 'perfscope-registry-'));
  readonly #packages = new Map<string, Map<string, StoredVersion>>();
  readonly #tarballs = new Map<string, Promise<Buffer>>();
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  #url = '';

  async start(): Promise<void> {
    this.#addPackages('node_modules');
    this.#url = `http://127.0.0.1:${await listenOnFreePort(this.#server)}`;
  }

  remove(): void {
    this.#server.close();
    this.#server.closeAllConnections();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /**
   * Returns the environment for npm: this registry, no configuration files, npm's default settings, and an empty
   * cache for each value of `cache`.
   */
  env(cache = 'cache'): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      HOME: this.#folder,
      npm_config_registry: this.#url,
      npm_config_cache: join(this.#folder, cache),
      npm_config_userconfig: join(this.#folder, 'no-user-config'),
      npm_config_globalconfig: join(this.#folder, 'no-global-config'),
    };
  }

  /**
   * The `package.json` of an empty project. It has the `overrides` of this checkout, because the registry has no other
   * versions.
   */
  get projectManifest(): Record<string, unknown> {
    const { dependencies, overrides } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      dependencies: Record<string, string>;
      overrides: unknown;
    };
    const resolveReference = (_key: string, value: unknown) =>
      typeof value === 'string' && value.startsWith('$') ? dependencies[value.slice(1)] : value;
    const resolved = JSON.parse(JSON.stringify(overrides), resolveReference) as unknown;
    return { private: true, overrides: resolved };
  }

  /** Requests whose path contains the name of one of this project's packages. */
  get ownLookups(): RegistryRequest[] {
    return this.requests.filter(({ path }) => path.includes('perfscope'));
  }

  /** Number of packages that this registry serves. */
  get packageCount(): number {
    return this.#packages.size;
  }

  /** Bodies of the audit requests: installed versions by package name. */
  get audits(): Record<string, string[]>[] {
    const audits = this.requests.filter(({ path }) => path === AUDIT_PATH);
    return audits.map(({ body }) => JSON.parse(body) as Record<string, string[]>);
  }

  /** Adds the packages in a `node_modules` folder, and the packages in their `node_modules`. */
  #addPackages(nodeModules: string): void {
    for (const entry of readdirSync(nodeModules, { withFileTypes: true })) {
      if (!entry.isDirectory() || entry.name.startsWith('.')) continue;
      const folder = join(nodeModules, entry.name);
      if (entry.name.startsWith('@')) this.#addPackages(folder);
      else this.#addPackage(folder);
    }
  }

  #addPackage(folder: string): void {
    const file = join(folder, 'package.json');
    if (!existsSync(file)) return;
    this.addVersion(JSON.parse(readFileSync(file, 'utf8')) as PackageManifest, folder);
    const nested = join(folder, 'node_modules');
    if (existsSync(nested)) this.#addPackages(nested);
  }

  /** Serves the files in `folder` as a version of a package. */
  addVersion(manifest: PackageManifest, folder: string): void {
    const versions = this.#packages.get(manifest.name) ?? new Map<string, StoredVersion>();
    this.#packages.set(manifest.name, versions.set(manifest.version, { manifest, folder }));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(request.url ?? '/');
    const bytes = await buffer(request);
    const isCompressed = request.headers['content-encoding'] === 'gzip';
    const body = (isCompressed ? gunzipSync(bytes) : bytes).toString();
    const content = await this.#findContent(path);
    const status = content === undefined ? 404 : 200;
    this.requests.push({ method: request.method ?? 'GET', path, body, status });
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(content ?? '{ "error": "Not found" }');
  }

  async #findContent(path: string): Promise<Buffer | string | undefined> {
    if (path === AUDIT_PATH) return JSON.stringify(this.advisories);
    const [, name = '', file] = /^\/((?:@[^/]+\/)?[^/]+)(?:\/-\/([^/]+))?$/.exec(path) ?? [];
    const versions = this.#packages.get(name);
    if (!versions) return undefined;
    if (file === undefined) return JSON.stringify(this.#describePackage(name, versions));
    const stored = versions.get(file.slice(`${basename(name)}-`.length, -'.tgz'.length));
    if (!stored) return undefined;
    const tarball = this.#tarballs.get(path) ?? createTarball(stored);
    // The hashes in lock files require that a tarball never changes.
    this.#tarballs.set(path, tarball);
    return tarball;
  }

  #describePackage(name: string, versions: ReadonlyMap<string, StoredVersion>) {
    const sorted = [...versions.keys()].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    const describe = (version: string) => ({
      ...versions.get(version)?.manifest,
      dist: { tarball: `${this.#url}/${name}/-/${basename(name)}-${version}.tgz` },
    });
    return {
      name,
      'dist-tags': { latest: sorted.at(-1) },
      versions: Object.fromEntries(sorted.map((version) => [version, describe(version)])),
    };
  }
}

/** Packs the files of a package without the packages that were installed in its folder. */
async function createTarball({ folder, manifest }: StoredVersion): Promise<Buffer> {
  const isBundling = (manifest.bundleDependencies ?? []).length > 0;
  const exclude = isBundling ? [] : [`--exclude=${basename(folder)}/node_modules`];
  // npm ignores the name of the first folder in a tarball, so the name doesn't have to be `package`.
  const args = ['-cf', '-', ...exclude, '-C', dirname(folder), basename(folder)];
  const { stdout } = await run('tar', args, {
    encoding: 'buffer',
    maxBuffer: Number.POSITIVE_INFINITY,
  });
  return gzipSync(stdout);
}
