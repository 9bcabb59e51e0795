import { setTimeout as delay } from 'node:timers/promises';
import { WebSocketServer } from 'ws';

const { PORT = '3000' } = process.env;

const server = new WebSocketServer({ host: '127.0.0.1', port: Number(PORT), path: '/chat' });
server.on('connection', (socket) => {
  socket.on('message', async (data) => {
    await delay(20);
    socket.send(`You wrote: ${data}`);
  });
});
server.on('listening', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
