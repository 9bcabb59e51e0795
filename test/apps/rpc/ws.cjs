const { createServer } = require('node:http');
const { once } = require('node:events');
const { connect } = require('node:net');

process.on('unhandledRejection', () => {});

module.exports = async function run(library) {
  const WebSocket = library.WebSocket ?? library.default ?? library;
  const Server = library.WebSocketServer ?? WebSocket.WebSocketServer ?? WebSocket.Server;
  const http = createServer((_request, response) => setTimeout(() => response.end('ok'), 40));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const price = `http://127.0.0.1:${http.address().port}/price`;

  const handled = [];
  let closedCount = 0;
  const onClose = () => {
    closedCount += 1;
  };
  const chat = new Server({
    port: 0,
    host: '127.0.0.1',
    path: '/chat',
    perMessageDeflate: { threshold: 100 },
    verifyClient: ({ req }, callback) => callback(req.headers['x-key'] !== 'wrong', 403),
  });
  chat.on('connection', (socket) => {
    socket.on('close', onClose);
    socket.on('error', () => {});
    socket.once('message', () => handled.push('first'));
    socket.on('message', async (data) => {
      const text = String(data);
      if (text === 'slow') await fetch(price);
      handled.push(text.length);
      if (text === 'reject') throw new TypeError('the listener rejected');
      socket.send(data);
    });
    const removed = () => handled.push('removed');
    socket.on('message', removed);
    if (!socket.listeners('message').includes(removed)) handled.push('not listed');
    socket.off('message', removed);
  });
  await once(chat, 'listening');

  // Two servers without a path share an HTTP server, which also serves requests.
  const plain = new Server({ noServer: true });
  plain.on('connection', (socket) => {
    socket.on('close', onClose);
    socket.onmessage = ({ data }) => socket.send(`${data}!`);
  });
  const silent = new Server({ noServer: true, path: '/silent' });
  silent.on('connection', (socket) => socket.on('close', onClose));
  http.on('upgrade', (request, socket, head) => {
    const server = request.url.startsWith('/silent') ? silent : plain;
    server.handleUpgrade(request, socket, head, (webSocket) => {
      server.emit('connection', webSocket, request);
    });
  });

  const chatUrl = `ws://127.0.0.1:${chat.address().port}/chat?token=secret`;
  const httpUrl = `ws://127.0.0.1:${http.address().port}`;
  const open = async (url, headers = {}) => {
    const client = new WebSocket(url, { headers });
    client.on('error', () => {});
    const [event] = await Promise.race([
      once(client, 'open').then(() => ['open']),
      new Promise((resolve) => {
        client.on('unexpected-response', (_request, response) => resolve([response.statusCode]));
      }),
    ]);
    return event === 'open' ? client : event;
  };
  const ask = async (client, data, options) => {
    client.send(data, options);
    const [answer] = await once(client, 'message');
    return String(answer);
  };

  const rejected = [
    await open(chatUrl.replace('/chat', '/other/7')),
    await open(chatUrl, { 'x-key': 'wrong' }),
  ];

  const first = await open(chatUrl, { 'x-org': 'org-7' });
  const startMs = performance.now();
  await ask(first, 'slow');
  await ask(first, 'hello');
  first.send('reject');
  await ask(first, Buffer.alloc(70_000));
  first.send('frag', { fin: false });
  await ask(first, 'ment');
  first.ping();
  await once(first, 'pong');
  first.close(1001);
  const firstMs = performance.now() - startMs;

  const second = await open(chatUrl);
  await ask(second, 'hello');
  second.close();
  const third = await open(chatUrl);
  await ask(third, 'hello');
  third.terminate();
  const fourth = await open(`${httpUrl}/any/path`);
  const answers = [await ask(fourth, 'a'), await ask(fourth, 'b')];
  fourth.close(4001);
  const fifth = await open(`${httpUrl}/silent`);
  fifth.send('nobody listens');
  fifth.close(1000);

  // A frame with reserved bits is invalid.
  const raw = connect(chat.address().port, '127.0.0.1');
  raw.on('error', () => {});
  raw.write(
    'GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await once(raw, 'data');
  raw.write(Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
  await once(raw, 'close');

  while (closedCount < 6) await new Promise((resolve) => setTimeout(resolve, 5));
  chat.close();
  http.close();
  http.closeAllConnections();
  return { rejected, handled, answers, firstMs };
};
