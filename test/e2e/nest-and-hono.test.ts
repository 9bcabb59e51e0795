import { createRequire } from 'node:module';
import { describe, it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { expectRoutes, type RouteRequest } from '../support/route-requests.ts';

const require = createRequire(import.meta.url);
const { HONO_REQUESTS } = require('../apps/hono-routes.cjs') as { HONO_REQUESTS: RouteRequest[] };
const { NEST_REQUESTS } = require('../apps/nest-routes.cjs') as { NEST_REQUESTS: RouteRequest[] };

const NODE_VERSIONS = [22, 24, 26];
const SCRIPTS = ['app.mjs', 'app.cjs'];
const combine = (folders: string[], variants: string[]) =>
  folders.flatMap((folder) =>
    variants.flatMap((variant) =>
      SCRIPTS.map((script) => ({ script: `${folder}/${script}`, variant })),
    ),
  );

/** The event streams of Hono have a header that HTTP/2 forbids. */
const isPossibleOverHttp2 = ([, path]: RouteRequest) => !path.startsWith('/events');

describe.each([
  ['Hono', HONO_REQUESTS, combine(['hono-4', 'hono-4-server-1', 'hono-4.4'], ['http1', 'http2'])],
  ['Nest', NEST_REQUESTS, combine(['nest-10', 'nest-11', 'nest-12'], ['express', 'fastify'])],
] as const)('%s', (_name, requests, programs) => {
  const cases = programs.flatMap((program, i) =>
    NODE_VERSIONS.map((node, j) => ({ ...program, node, isInCi: i % 3 === j })),
  );
  const title = 'stores routes and errors of $script $variant on Node $node';
  const check = ({ script, variant, node }: (typeof cases)[number]) =>
    expectRoutes(script, variant === 'http2' ? requests.filter(isPossibleOverHttp2) : requests, {
      args: [variant],
      node: nodeBinary(node),
    });
  it.concurrent.each(cases.filter(({ isInCi }) => isInCi))(title, check);
  // Long: the programs in CI run on each version of Node.js, with each version of the libraries and both module systems.
  it.concurrent.each(cases.filter(({ isInCi }) => !isInCi))(title, { tags: 'long' }, check);
});
