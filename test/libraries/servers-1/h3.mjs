import * as h3 from 'h3';
import { startH3Version1 } from '../../apps/h3-1-routes.cjs';

startH3Version1(h3);
