module.exports = {
  path: '/json/7',
  async listen() {
    const { H3, serve } = await import('h3');
    const app = new H3().get('/json/:id', (event) => ({ id: event.context.params.id }));
    const server = serve(app, { port: 0, hostname: '127.0.0.1', silent: true });
    await server.ready();
    return Number(new URL(server.url).port);
  },
};
