require('../../apps/orm-statements.cjs')((name) => require(name));
