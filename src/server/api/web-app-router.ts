import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RequestHandler, Router } from 'express';
import helmet from 'helmet';
import { escapeHtml } from '../../core/format.ts';
import { serveAssets } from './web-assets.ts';

/** Folders with the built web UI: next to the compiled server, and in a checkout. */
const FOLDERS = ['../../web', '../../../dist/web'];
/** Paths of other parts of the server. Unknown paths below them aren't views. */
const OTHER_PATHS = /^\/(?:api|v1|links|runbooks)(?:\/|$)/;
const BASE_PLACEHOLDER = '%BASE%';
const MISSING_PAGE = `<!doctype html><meta charset="utf-8"><title>Perfscope</title>
<p>The web UI is not built. Run <code>npm run build</code>, and reload the page.</p>`;

/** Allows only content of this server. Charts set styles with the DOM API, which needs no exception. */
const securityHeaders = helmet({
  strictTransportSecurity: false,
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'", 'data:', 'blob:'],
      fontSrc: ["'self'"],
      connectSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'self'"],
      frameAncestors: ["'none'"],
    },
  },
});

/** Returns the folder with the built web UI, or undefined if it isn't built. Its sources have no folder `assets`. */
export function findWebFolder(): string | undefined {
  return FOLDERS.map((folder) => join(import.meta.dirname, folder)).find((folder) =>
    existsSync(join(folder, 'assets')),
  );
}

/**
 * Returns the path under which users open the server: the path of its public URL, or `/`. It starts and ends
 * with `/`.
 */
export function getPublicPath(publicUrl: string | undefined): string {
  if (publicUrl === undefined) return '/';
  return `${new URL(publicUrl).pathname.replace(/\/+$/, '')}/`;
}

/**
 * Removes the public path from requests. Some reverse proxies remove it themselves, and others don't, so
 * the server accepts both.
 *
 * @param publicPath starts and ends with `/`
 */
export function stripPublicPath(publicPath: string): RequestHandler {
  const prefix = publicPath.slice(0, -1);
  return (request, _response, next) => {
    if (prefix !== '' && request.url.startsWith(publicPath)) {
      request.url = request.url.slice(prefix.length);
    } else if (prefix !== '' && request.url === prefix) {
      request.url = '/';
    }
    next();
  };
}

/**
 * Creates the routes of the web UI: its files, and its page for the paths of all views.
 *
 * @param folder folder with the built UI. Undefined if it isn't built.
 * @param publicPath starts and ends with `/`
 */
export function createWebAppRouter(folder: string | undefined, publicPath: string): Router {
  const routes = Router();
  const page =
    folder === undefined
      ? MISSING_PAGE
      : readFileSync(join(folder, 'index.html'), 'utf8').replaceAll(
          BASE_PLACEHOLDER,
          escapeHtml(publicPath),
        );
  if (folder !== undefined) {
    routes.use('/assets', securityHeaders, serveAssets(join(folder, 'assets')));
    routes.get('/icon.svg', (_request, response) => {
      response.sendFile(join(folder, 'icon.svg'));
    });
  }
  routes.get('/{*path}', securityHeaders, (request, response, next) => {
    const isView = !OTHER_PATHS.test(request.path) && !/\.\w+$/.test(request.path);
    // Health checks accept anything. A wrong path must not look healthy to them.
    const isBrowser = request.path === '/' || request.headers.accept?.includes('text/html');
    if (!isView || !isBrowser) return next();
    response.set('Cache-Control', 'no-cache');
    response.type('html').send(page);
  });
  return routes;
}
