// Fails without a handler of the application, in the way that the last argument names.
const mysql = require(require.resolve('mysql2', { paths: [process.argv[2]] }));

const uri = process.env.MYSQL_URL;
const closed = { host: '127.0.0.1', port: 1 };
const failures = {
  query: () => mysql.createConnection(uri).query('SELECT * FROM missing'),
  execute: () => mysql.createConnection(uri).execute('SELECT * FROM missing WHERE id = ?', [1]),
  connect: () => mysql.createConnection(closed),
  queued: () => mysql.createConnection(closed).query('SELECT 1'),
  stream: () => mysql.createConnection(uri).query('SELECT * FROM missing').stream().resume(),
  pool: () => mysql.createPool(closed).query('SELECT 1'),
  promise: () => mysql.createPool(uri).promise().query('SELECT * FROM missing'),
  destroyed: () => {
    const connection = mysql.createConnection(uri);
    connection.query('SELECT 1');
    connection.query('SELECT SLEEP(5)');
    connection.once('connect', () => connection.destroy());
  },
};
process.on('exit', (code) => console.log('exit', code));
failures[process.argv[3]]();
