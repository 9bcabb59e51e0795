const { createUndici } = require('../outgoing/clients.cjs');
const exercise = require('../outgoing/exercise.cjs');

void exercise(createUndici(require('undici')));
