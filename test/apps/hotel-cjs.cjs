// Runs the hotel API as a CommonJS application.
const express = require('express');
require('./hotel.cjs')(express);
