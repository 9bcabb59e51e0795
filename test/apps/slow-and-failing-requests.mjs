// Serves quick, slow, and failing requests, depending on the path.
import express from 'express';

const app = express();
const rooms = express.Router();
app.use('/api/:organization', rooms);
rooms.get('/quick', (_request, response) => response.json({}));
rooms.get('/slow', (_request, response) => {
  setTimeout(() => response.json({}), 2000);
});
rooms.get('/broken', (_request, response) => response.status(503).json({}));
const server = app.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
