import * as h3 from 'h3';
import { startH3Version2 } from '../../apps/h3-2-routes.cjs';

startH3Version2(h3);
