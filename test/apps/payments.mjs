// A service that calls another host for each request.
import express from 'express';

const app = express();
app.get('/pay', async (_request, response) => {
  const result = await fetch(process.env.PAYMENTS_URL);
  response.status(result.status).send(await result.text());
});
const server = app.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port} `);
});
