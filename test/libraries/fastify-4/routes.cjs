require('../../apps/fastify-routes.cjs').run(require('fastify'));
