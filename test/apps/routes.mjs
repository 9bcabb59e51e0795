// An Express application with several routes.
import express from 'express';

const app = express();
for (const route of ['/early', '/late'])
  app.get(`${route}/:id`, (_request, response) => response.end());
const server = app.listen(0, '127.0.0.1', () =>
  console.log(`listening on http://127.0.0.1:${server.address().port}\n`),
);
process.on('SIGTERM', () => server.close());
