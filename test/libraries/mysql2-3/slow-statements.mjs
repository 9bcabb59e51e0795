// Runs a fast and a slow statement until the process is stopped.
import mysql from 'mysql2/promise';

const pool = mysql.createPool({ uri: process.env.MYSQL_URL, connectionLimit: 2 });
process.on('SIGTERM', () => process.exit(0));
for (;;) {
  await pool.query('SELECT 1');
  await pool.query('SELECT SLEEP(?) AS slow', [0.6]);
}
