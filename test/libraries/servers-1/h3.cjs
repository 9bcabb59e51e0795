require('../../apps/h3-1-routes.cjs').startH3Version1(require('h3'));
