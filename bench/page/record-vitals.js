// Runs in the page before its own scripts. Records paints, shifts, interactions, long tasks, and frames in `recorded`.
const recorded = { lcp: 0, cls: 0, inp: 0, longestTask: 0, firstChart: 0, longestFrame: 0 };
window.recorded = recorded;

function observe(type, note) {
  const observer = new PerformanceObserver((list) => list.getEntries().forEach(note));
  observer.observe({ type, buffered: true, ...(type === 'event' && { durationThreshold: 16 }) });
}
observe('largest-contentful-paint', ({ startTime }) => {
  recorded.lcp = startTime;
});
observe('layout-shift', ({ value, hadRecentInput }) => {
  if (!hadRecentInput) recorded.cls += value;
});
observe('event', ({ interactionId, duration }) => {
  if (interactionId > 0) recorded.inp = Math.max(recorded.inp, duration);
});
observe('longtask', ({ duration }) => {
  recorded.longestTask = Math.max(recorded.longestTask, duration);
});

// uPlot creates its canvas when the answer is there, and paints it before the next frame.
const waitForChart = new MutationObserver(() => {
  if (!document.querySelector('.uplot canvas')) return;
  waitForChart.disconnect();
  requestAnimationFrame(() => {
    setTimeout(() => {
      recorded.firstChart = performance.now();
    });
  });
});
waitForChart.observe(document, { childList: true, subtree: true });

let lastFrame = performance.now();
function noteFrame(now) {
  recorded.longestFrame = Math.max(recorded.longestFrame, now - lastFrame);
  lastFrame = now;
  requestAnimationFrame(noteFrame);
}
requestAnimationFrame(noteFrame);
