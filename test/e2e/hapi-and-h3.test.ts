import { createRequire } from 'node:module';
import { it } from 'vitest';
import { nodeBinary } from '../../scripts/node-versions.mjs';
import { expectRoutes, type RouteRequest } from '../support/route-requests.ts';

const require = createRequire(import.meta.url);
const { HAPI_REQUESTS } = require('../apps/hapi-routes.cjs') as { HAPI_REQUESTS: RouteRequest[] };
const { H3_1_REQUESTS } = require('../apps/h3-1-routes.cjs') as { H3_1_REQUESTS: RouteRequest[] };
const { H3_2_REQUESTS } = require('../apps/h3-2-routes.cjs') as { H3_2_REQUESTS: RouteRequest[] };

const NODE_VERSIONS = [22, 24, 26];
const LIBRARIES = [
  { folder: 'servers-1', name: 'hapi', requests: HAPI_REQUESTS },
  { folder: 'servers-2', name: 'hapi', requests: HAPI_REQUESTS },
  { folder: 'servers-1', name: 'h3', requests: H3_1_REQUESTS },
  { folder: 'servers-2', name: 'h3', requests: H3_2_REQUESTS },
];
const CASES = LIBRARIES.flatMap(({ folder, name, requests }, i) =>
  ['cjs', 'mjs'].flatMap((type, j) =>
    NODE_VERSIONS.map((node, k) => ({
      script: `${folder}/${name}.${type}`,
      requests,
      node,
      isInCi: (i + j + k) % 2 === 0,
    })),
  ),
);

const title = 'stores routes and errors of $script on Node $node';
const check = ({ script, requests, node }: (typeof CASES)[number]) =>
  expectRoutes(script, requests, { node: nodeBinary(node) });
it.concurrent.each(CASES.filter(({ isInCi }) => isInCi))(title, check);
// Long: the programs in CI run on each version of Node.js, with each version of the libraries and both module systems.
it.concurrent.each(CASES.filter(({ isInCi }) => !isInCi))(title, { tags: 'long' }, check);
