/** Marks a request whose client went away before the response was complete. */
export const ABORTED = 'perfscope.request.aborted';
