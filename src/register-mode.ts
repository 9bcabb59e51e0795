/** Set on the global object by `perfscope doctor`: look at the libraries, measure and write nothing. */
export const DOCTOR = Symbol.for('perfscope.doctor');
