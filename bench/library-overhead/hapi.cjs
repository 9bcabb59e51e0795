module.exports = {
  path: '/json/7',
  async listen() {
    const Hapi = require('@hapi/hapi');
    const server = Hapi.server({ port: 0, host: '127.0.0.1' });
    server.route({
      method: 'GET',
      path: '/json/{id}',
      handler: ({ params }) => ({ id: params.id }),
    });
    await server.start();
    return server.info.port;
  },
};
