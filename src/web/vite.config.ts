import { resolve } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

/** Loads the font before the first paint, because the page never changes its font later. */
const preloadFont: Plugin = {
  name: 'preload-font',
  transformIndexHtml: {
    order: 'post',
    handler: (_html, { bundle = {} }) =>
      Object.keys(bundle)
        .filter((file) => file.endsWith('.woff2'))
        .map((file) => ({
          tag: 'link',
          attrs: {
            rel: 'preload',
            href: `./${file}`,
            as: 'font',
            type: 'font/woff2',
            crossorigin: '',
          },
          injectTo: 'head',
        })),
  },
};

/** Builds the web UI to `dist/web`. The server replaces `%BASE%` in the page with its public path. */
export default defineConfig({
  root: import.meta.dirname,
  // Relative, because the path of the server is known only when it runs.
  base: './',
  build: {
    outDir: resolve(import.meta.dirname, '../../dist/web'),
    emptyOutDir: true,
    target: 'es2022',
    // Small files would become data URLs, which the Content-Security-Policy rejects.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  plugins: [preloadFont],
  logLevel: 'warn',
});
