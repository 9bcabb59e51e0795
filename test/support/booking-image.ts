import { execFile } from 'node:child_process';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { mapContainerPaths } from './compose.ts';
import { buildImage, type Image } from './dockerfile.ts';
import { InstrumentedApp } from './instrumented-app.ts';
import { PackedPackages } from './packed-packages.ts';
import type { RegistryStub } from './registry-stub.ts';

const run = promisify(execFile);

/**
 * Follows the README in examples/docker until the image is built. Saves the agent package, creates the lock file, and
 * performs the steps of the Dockerfile.
 *
 * @param folder folder for the copy of the example and for the image
 * @param registry source of the packages
 */
export async function buildBookingImage(folder: string, registry: RegistryStub): Promise<Image> {
  const context = join(folder, 'context');
  cpSync('examples/docker', context, {
    recursive: true,
    filter: (path) => !/node_modules|vendor|package-lock/.test(path),
  });
  const packed = new PackedPackages();
  cpSync(packed.folder, join(context, 'vendor'), { recursive: true });
  packed.remove();
  const readme = readFileSync(join(context, 'README.md'), 'utf8');
  const [command = ''] = /^npm install .+$/m.exec(readme) ?? [];
  await run('sh', ['-c', command], { cwd: context, env: registry.env() });
  // As in a container, the cache is empty.
  return buildImage(context, join(folder, 'image'), registry.env('image-cache'));
}

/**
 * Starts the command of an image without a container, on a free loopback port.
 *
 * @param env environment of the container. It overrides the environment of the image.
 * @param replacements maps texts in the environment, such as addresses and paths, to their replacements
 */
export function startImage(
  image: Image,
  env: Readonly<Record<string, string>>,
  replacements: Readonly<Record<string, string>>,
): InstrumentedApp {
  const { root, workdir, command } = image;
  const [node, ...args] = command;
  if (node !== 'node') throw new Error(`the command doesn't start Node.js: ${node}`);
  const { HOST, PORT, ...mapped } = mapContainerPaths({ ...image.env, ...env }, replacements);
  if (HOST !== '0.0.0.0' || PORT !== '3000') throw new Error('the port is not reachable');
  return new InstrumentedApp(args.at(-1)!, {
    cwd: join(root, workdir),
    flags: args.slice(0, -1),
    env: { ...mapped, XDG_RUNTIME_DIR: root, HOST: '127.0.0.1', PORT: '0' },
  });
}
