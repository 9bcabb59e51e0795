// Serves a few requests, then calls process.exit() before metrics are exported.
import { metrics } from '@opentelemetry/api';
import express from 'express';

const app = express();
app.get('/last/:words', (_request, response) => response.send('bye'));
const server = app.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  for (let i = 0; i < 25; i++) {
    await fetch(`http://127.0.0.1:${port}/last/${i}`).then((response) => response.text());
  }
  metrics.getMeter('hasty').createCounter('hasty.farewells').add(3);
  process.exit(7);
});
