// Fails without a handler of the application, in the way that the last argument names.
const postgres = require(require.resolve('postgres', { paths: [process.argv[2]] }));

const sql = postgres(process.env.DATABASE_URL, { max: 1 });
const closed = postgres('postgresql://eve@127.0.0.1:1/missing', { max: 1 });
const failures = {
  query: () => sql`SELECT * FROM missing`.execute(),
  awaited: async () => await sql`SELECT * FROM missing`,
  connect: () => closed`SELECT 1`.execute(),
  transaction: () => sql.begin((tx) => tx`SELECT * FROM missing`),
  cursor: async () => {
    for await (const rows of sql`SELECT * FROM missing`.cursor(1)) console.log(rows);
  },
  callback: () =>
    sql`SELECT 1`.forEach(() => {
      throw new Error('in the callback');
    }),
};
process.on('exit', (code) => console.log('exit', code));
failures[process.argv[3]]();
