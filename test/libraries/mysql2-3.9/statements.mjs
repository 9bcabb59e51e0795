import mysql from 'mysql2';
import promises from 'mysql2/promise';
import run from '../../apps/mysql-statements.cjs';

await run(mysql, promises);
