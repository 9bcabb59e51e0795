// A message of a WebSocket, and the answer of the server.
const { once } = require('node:events');
const WebSocket = require('ws');

module.exports = {
  async listen() {
    const server = new WebSocket.Server({ host: '127.0.0.1', port: 0, path: '/chat' });
    server.on('connection', (socket) => {
      socket.on('message', (data) => socket.send(data));
    });
    await once(server, 'listening');
    return server.address().port;
  },
  client: {
    async connect(port) {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`);
      await once(socket, 'open');
      const waiting = [];
      socket.on('message', () => waiting.shift()?.());
      return {
        run: () =>
          new Promise((done) => {
            waiting.push(done);
            socket.send('{"room":7,"text":"hello"}');
          }),
        close: async () => socket.terminate(),
      };
    },
  },
};
