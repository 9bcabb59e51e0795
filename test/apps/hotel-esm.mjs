// Runs the hotel API as an ES module.
import express from 'express';
import serve from './hotel.cjs';

serve(express);
