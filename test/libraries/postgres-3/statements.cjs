require('../../apps/postgres-js-statements.cjs')(require('postgres'));
