// Booking service with PostgreSQL and BullMQ, for any library version and module system. It does
// not import Perfscope.

module.exports = async function serve({ express, pg, bullmq }) {
  const { DATABASE_URL: connectionString, REDIS_URL } = process.env;
  const { hostname: host, port } = new URL(REDIS_URL);
  // Two queues with the same name and job IDs would create the same rows.
  const name = process.env.QUEUE_NAME ?? 'mails';
  const connection = { host, port: Number(port), maxRetriesPerRequest: null };
  const pool = new pg.Pool({ connectionString, max: 4 });
  pool.on('error', () => {});
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  const queue = new bullmq.Queue(name, { connection, prefix: process.env.QUEUE_PREFIX });
  const worker = new bullmq.Worker(
    name,
    async (job) => {
      await pool.query('SELECT name FROM guests WHERE id = $1', [job.data.guest]);
      if (job.data.fail)
        throw new Error(`card 4111 1111 1111 1111 of ${job.data.guest}@mail.example`);
      return { sent: true };
    },
    { connection, prefix: process.env.QUEUE_PREFIX, concurrency: 4 },
  );
  worker.on('error', () => {});
  queue.on('error', () => {});

  const app = express();
  app.get('/rooms/:id', async (request, response) => {
    const { rows } = await pool.query('SELECT name FROM rooms WHERE id = $1', [request.params.id]);
    pool.query(
      "SELECT count(*) FROM guests WHERE name <> 'secret guest'",
      (_error, { rows: [guests] }) => {
        response.json({ rows, guests });
      },
    );
  });
  app.get('/old-rooms/:id', (request, response) => {
    request.url = `/rooms/${request.params.id}`;
    app.handle(request, response);
  });
  app.get(['/straight', '/direct'], async (_request, response) => {
    await client.query({
      name: 'by-name',
      text: 'SELECT id FROM rooms WHERE name = $1',
      values: ['a'],
    });
    response.json({});
  });
  app.get('/broken', async (_request, response) => {
    await pool.query('SELECT secret_column FROM rooms').catch(() => {});
    response.status(500).json({});
  });
  app.post('/bookings', async (request, response) => {
    const transaction = await pool.connect();
    try {
      await transaction.query('BEGIN');
      await transaction.query(
        `INSERT INTO guests (id, name) VALUES (${++guests}, 'Guest ${guests}')`,
      );
      await transaction.query('COMMIT');
    } finally {
      transaction.release();
    }
    const fail = request.query.fail === 'yes';
    await queue.add(
      'confirmation',
      { guest: guests, fail },
      {
        removeOnComplete: true,
        attempts: fail ? 2 : 1,
      },
    );
    response.status(201).json({});
  });
  app.get('/counts', async (_request, response) => {
    response.json({ ...(await queue.getJobCounts()), workers: await queue.getWorkersCount() });
  });
  app.post('/pause', async (_request, response) => {
    await worker.pause();
    response.json({});
  });
  let guests = 0;
  const server = app.listen(0, '127.0.0.1', () => {
    console.log(`listening on http://127.0.0.1:${server.address().port}`);
  });
};
