import { io } from 'socket.io-client';

const [url = 'http://127.0.0.1:3000/chat'] = process.argv.slice(2);
const client = io(url, { transports: ['websocket'] });
for (const text of ['hello', 'is room 7 free?']) {
  console.log(await client.emitWithAck('message', text));
}
client.disconnect();
