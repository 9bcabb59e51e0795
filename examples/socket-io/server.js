import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Server } from 'socket.io';

const http = createServer();
const server = new Server(http);
server.of('/chat').on('connection', (socket) => {
  socket.on('message', async (text, acknowledge) => {
    await delay(20);
    acknowledge(`You wrote: ${text}`);
  });
});
http.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${http.address().port}`);
});
