require('../../apps/mysql-statements.cjs')(require('mysql2'), require('mysql2/promise'));
