// An event of Socket.IO with an acknowledgement.
const { once } = require('node:events');

module.exports = {
  async listen() {
    const { Server } = require('socket.io');
    const { createServer } = require('node:http');
    const http = createServer();
    new Server(http).on('connection', (socket) => {
      socket.on('booking:update', (id, acknowledge) => acknowledge({ id }));
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    return http.address().port;
  },
  client: {
    async connect(port) {
      const { io } = require('socket.io-client');
      const socket = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true });
      await new Promise((done) => socket.on('connect', done));
      return {
        run: () => new Promise((done) => socket.emit('booking:update', 7, done)),
        close: async () => socket.disconnect(),
      };
    },
  },
};
