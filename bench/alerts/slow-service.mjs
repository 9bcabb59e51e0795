// A service that waits `?ms=` milliseconds before it responds.
import { createServer } from 'node:http';

const server = createServer((request, response) => {
  const ms = Number(new URL(request.url, 'http://localhost').searchParams.get('ms') ?? 0);
  setTimeout(() => response.end('done'), ms);
});
server.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
