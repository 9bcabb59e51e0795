import { createServer } from 'node:http';
import next from 'next';

const port = Number(process.env.PORT);
const app = next({ dev: false, dir: import.meta.dirname, hostname: 'localhost', port });
const handle = app.getRequestHandler();
await app.prepare();
createServer((request, response) => handle(request, response)).listen(port, 'localhost', () =>
  console.log('Ready'),
);
