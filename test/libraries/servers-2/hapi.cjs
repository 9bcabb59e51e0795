require('../../apps/hapi-routes.cjs').startHapi(require('@hapi/hapi'), require('@hapi/boom'));
