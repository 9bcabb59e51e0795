require('../../apps/fastify-routes.cjs').run(require('fastify'), {
  staticPlugin: require('@fastify/static'),
});
