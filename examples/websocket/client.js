import { once } from 'node:events';
import { WebSocket } from 'ws';

const [url = 'ws://127.0.0.1:3000/chat'] = process.argv.slice(2);
const client = new WebSocket(url);
await once(client, 'open');
for (const text of ['hello', 'is room 7 free?']) {
  client.send(text);
  const [answer] = await once(client, 'message');
  console.log(String(answer));
}
client.close(1000);
