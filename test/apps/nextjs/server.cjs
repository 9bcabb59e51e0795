const express = require('express');
const next = require('next');

const port = Number(process.env.PORT);
const app = next({ dev: false, dir: __dirname, hostname: 'localhost', port });
const handle = app.getRequestHandler();
app.prepare().then(() => {
  const server = express();
  server.get('/express/:id', (request, response) => response.send(request.params.id));
  server.use((request, response) => handle(request, response));
  server.listen(port, 'localhost', () => console.log('Ready'));
});
