// Fails with the text that the client sends. Another route returns the CPU time of the process, in µs.
const express = require('express');

const app = express();
app.set('env', 'production');
app.get('/fail', (request, _response, next) => next(new Error(request.query.text)));
app.get('/cpu', (_request, response) => response.json(process.cpuUsage()));
app.use((_error, _request, response, _next) => response.status(500).json({}));
const server = app.listen(0, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
