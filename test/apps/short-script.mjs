// Loads Express and ends before the agent lists its libraries. With `--request`, it also answers one request.
import express from 'express';

if (process.argv.includes('--request')) {
  const app = express().get('/rooms', (_request, response) => void response.send('7'));
  const server = app.listen(0, '127.0.0.1', async () => {
    await (await fetch(`http://127.0.0.1:${server.address().port}/rooms`)).text();
    server.close();
  });
}
