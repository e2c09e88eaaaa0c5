// The map beside a text, on which marks stand where their lines are on this screen.
// Covered by tests/reports/test_html_report.py, in a browser.
import { cardState, coverSections } from "./cards.js";
import { selectOne } from "./elements.js";
import { tools } from "./filters.js";
import { articles, findings } from "./findings.js";

export function drawMap() {
  document.documentElement.style.setProperty("--tools", tools.offsetHeight + "px");
  for (const article of articles) {
    const text = selectOne(".text", article).getBoundingClientRect();
    article.top = text.top;
    article.scale = text.height ? 1000 / text.height : 0;
  }
  // All reads before the first write: one layout.
  const boxes = findings.map(({ mark }) => mark.getBoundingClientRect());
  findings.forEach(({ article, dots }, i) => {
    for (const rect of dots.children) {
      rect.setAttribute("y", (boxes[i].top - article.top) * article.scale);
      rect.setAttribute("height", Math.max(boxes[i].height * article.scale, 4));
    }
  });
  drawView();
}

// Draw which part of each text the window shows.
function drawView() {
  for (const article of articles) {
    const text = selectOne(".text", article).getBoundingClientRect();
    const top = Math.max(tools.getBoundingClientRect().bottom, text.top);
    const bottom = Math.min(innerHeight, text.bottom);
    const view = selectOne(".view", article);
    view.setAttribute("y", (top - text.top) * article.scale);
    view.setAttribute("height", Math.max(bottom - top, 0) * article.scale);
  }
  if (cardState.open) coverSections();
}

// Follow the window: when it scrolls, at most once a frame, and when the page takes another size.
export function keepMapDrawn() {
  let waiting = false;
  const onScroll = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      drawView();
    });
  };
  addEventListener("scroll", onScroll, { passive: true });
  new ResizeObserver(drawMap).observe(document.body);
}
