import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Library } from '../../loading/library.ts';
import { patchExports } from './h3.ts';

/** Folder of a build that contains the folder `server`, in front of the file. */
const SERVER_FOLDER = /^(.*)[\\/]server[\\/]/s;

/**
 * Measures the copy of h3 that Nitro 2 adds to the build of an application, such as `.output/server`. Nuxt 3 and 4 use
 * Nitro 2.
 */
export const NITRO: Library = {
  name: 'nitropack',
  category: 'full-stack',
  versions: { from: '2.9.0', to: 2 },
  measured:
    'Builds of Nitro 2, Nuxt 3, and Nuxt 4 with the preset `node-server`. Route templates of server routes and pages, such as `/api/rooms/:id`, static files, and errors before they become a response.',
  limits:
    'Nitro 3, which is a beta, is not measured. A build with `minify: true` is not measured. Other libraries that Nitro adds to the build are not measured. List them in `externals.external`, or use `externals.trace`.',
  bundledLibraries: ['h3'],
  readBundledVersion,
  instrument: () => ({
    bundle: {
      url: /\/server\/(?:index|chunks\/.+)\.mjs$/,
      functions: {
        createApp: /^function (createApp(?:\$\d+)?)\(options = \{\}\) \{\s+const stack/m,
        createRouter: /^function (createRouter(?:\$\d+)?)\(opts = \{\}\) \{\s+const _router/m,
        useBase: /^function (useBase(?:\$\d+)?)\(base, handler\) \{/m,
      },
      patch: patchExports,
    },
  }),
};

/** @param file a file in the folder `server` of a build. Its parent folder contains `nitro.json`. */
function readBundledVersion(file: string): string {
  try {
    const [, folder = ''] = SERVER_FOLDER.exec(file) ?? [];
    const build = JSON.parse(readFileSync(join(folder, 'nitro.json'), 'utf8')) as {
      versions?: { nitro?: unknown };
    };
    return String(build.versions?.nitro ?? 'unknown');
  } catch {
    return 'unknown';
  }
}
