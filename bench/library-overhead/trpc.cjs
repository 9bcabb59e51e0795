module.exports = {
  path: '/rooms.byId',
  async listen() {
    const { initTRPC } = require('@trpc/server');
    const { createHTTPServer } = require('@trpc/server/adapters/standalone');
    const t = initTRPC.create();
    const rooms = t.router({ byId: t.procedure.query(() => ({ id: 7 })) });
    const server = createHTTPServer({ router: t.router({ rooms }) });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.server ?? server).address().port;
  },
};
