import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { RequestHandler } from 'express';

const YEAR_S = 365 * 86_400;
/** Extensions of compressed copies and their encodings, smallest first. */
const COPIES = { br: '.br', gzip: '.gz' } as const;

interface Asset {
  readonly identity?: Buffer;
  readonly br?: Buffer;
  readonly gzip?: Buffer;
}

/**
 * Serves the files of a folder from memory, compressed if the client accepts it. The names of the files must
 * contain their hash, because clients keep them for a year.
 *
 * An update can replace the folder while the server runs. Its pages still load their own files.
 *
 * @param folder contains `NAME`, and can contain `NAME.br` and `NAME.gz`
 */
export function serveAssets(folder: string): RequestHandler {
  const assets = readAssets(folder);
  return (request, response, next) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const asset = isRead ? assets.get(request.path.slice(1)) : undefined;
    if (asset?.identity === undefined) return next();
    const available = ['br', 'gzip', 'identity'].filter((name) => name in asset);
    const encoding = request.acceptsEncodings(available) || 'identity';
    response.set({
      'Cache-Control': `public, max-age=${YEAR_S}, immutable`,
      Vary: 'Accept-Encoding',
    });
    if (encoding !== 'identity') response.set('Content-Encoding', encoding);
    response.type(extname(request.path)).end(asset[encoding as keyof Asset]);
  };
}

function readAssets(folder: string): Map<string, Asset> {
  const assets = new Map<string, Asset>();
  for (const file of readdirSync(folder)) {
    const [encoding, extension] = Object.entries(COPIES).find(([, copy]) =>
      file.endsWith(copy),
    ) ?? ['identity', ''];
    const name = file.slice(0, file.length - extension.length);
    assets.set(name, { ...assets.get(name), [encoding]: readFileSync(join(folder, file)) });
  }
  return assets;
}
