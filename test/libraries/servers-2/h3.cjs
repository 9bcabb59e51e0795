require('../../apps/h3-2-routes.cjs').startH3Version2(require('h3'));
