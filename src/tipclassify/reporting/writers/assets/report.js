
"use strict";
(() => {
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const one = (selector, within = document) => within.querySelector(selector);
  const NAMES = { P: "positive effort", F: "failure", C: "complicity" };
  const LETTERS = "PFC";

  const findings = all("main mark").map((mark) => {
    const scores = mark.dataset.scores.split(" ").map(Number);
    return {
      mark,
      badge: mark.nextElementSibling,
      card: document.getElementById(mark.id + "w"),
      dots: all(`.map a[href="#${mark.id}"]`)[0],
      article: mark.closest("article"),
      section: mark.closest("section").dataset.name,
      words: mark.textContent.replace(/\s+/g, " ").toLowerCase(),
      labels: Array.from(mark.dataset.labels, (letter, i) => ({ letter, score: scores[i] })),
      shown: true,
    };
  });
  const ofMark = new Map(findings.map((finding) => [finding.mark, finding]));
  const ofBadge = new Map(findings.map((finding) => [finding.badge, finding]));

  // ---- Why a passage was tagged -------------------------------------------------------------------------------------

  // Without this script the browser's own popovers do; with it a card opens beside its passage, on hover and focus too.
  for (const { badge, card } of findings) {
    badge.removeAttribute("popovertarget");
    badge.setAttribute("aria-haspopup", "dialog");
    badge.setAttribute("aria-expanded", "false");
    card.removeAttribute("popover");
  }

  let open = null; // the finding whose card is open
  let last = null; // the finding whose card was open last: where "next" starts from
  let pinned = false; // opened on purpose: stays until it is closed
  let quiet = false; // a badge gets the focus back and is not to open its card again
  let timer = 0;

  function show(finding, pin = false) {
    clearTimeout(timer);
    pinned = pin || (pinned && open === finding);
    if (open === finding) return;
    close();
    pinned = pin;
    open = last = finding;
    furnish(finding);
    finding.card.classList.add("open");
    finding.mark.classList.add("now");
    finding.badge.setAttribute("aria-expanded", "true");
    place(finding);
    count();
  }

  function close() {
    clearTimeout(timer);
    if (!open) return;
    open.card.classList.remove("open");
    open.mark.classList.remove("now");
    open.badge.setAttribute("aria-expanded", "false");
    open = null;
    pinned = false;
  }

  // Level with the passage, but inside the window as far as it fits.
  function place({ mark, card, article }) {
    card.style.top = "";
    const bar = one(".tools").getBoundingClientRect().bottom + 8;
    if (getComputedStyle(card).position === "fixed") {
      const box = mark.getBoundingClientRect(); // the sheet must not lie on the passage it speaks of
      if (box.bottom > innerHeight - card.offsetHeight) scrollBy(0, box.top - bar - 16);
      return;
    }
    const wanted = mark.getClientRects()[0].top - 8;
    const top = Math.max(bar, Math.min(wanted, innerHeight - card.offsetHeight - 8));
    card.style.top = top - article.getBoundingClientRect().top + "px";
  }

  // What a card can do only with a script.
  function furnish(finding) {
    const row = one(".do", finding.card);
    if (one("button", row)) return;
    const copy = button("Copy citation", async () => {
      copy.textContent = (await write(citation(finding))) ? "Copied" : "Not copied: not allowed here";
      setTimeout(() => (copy.textContent = "Copy citation"), 2000);
    });
    row.prepend(copy);
    if (/^https?:/i.test(finding.article.dataset.source)) {
      const link = document.createElement("a");
      link.href = addressOf(finding);
      link.rel = "noopener noreferrer";
      link.textContent = "Read in the source";
      row.append(link);
    }
    const away = button("×", () => leave());
    away.className = "close";
    away.setAttribute("aria-label", "Close");
    finding.card.append(away);
  }

  function button(text, action) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.addEventListener("click", action);
    return made;
  }

  function leave() {
    const { badge, card } = open;
    const inside = card.contains(document.activeElement);
    close();
    if (!inside) return;
    quiet = true;
    badge.focus({ preventScroll: true });
    quiet = false;
  }

  document.addEventListener("click", (event) => {
    const badge = event.target.closest("button.tag");
    const mark = event.target.closest("mark");
    const finding = ofBadge.get(badge) || ofMark.get(mark);
    if (finding && finding.shown) {
      if (mark && !getSelection().isCollapsed) return; // they select text
      show(finding, true);
      if (badge) finding.card.focus({ preventScroll: true });
    } else if (open && !open.card.contains(event.target)) {
      close();
    }
  });
  document.addEventListener("focusin", (event) => {
    if (quiet) return;
    if (ofBadge.has(event.target)) show(ofBadge.get(event.target));
    else if (open && !pinned && !open.card.contains(event.target)) close();
  });
  document.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "mouse" || pinned) return;
    const finding = ofMark.get(event.target.closest("mark")) || ofBadge.get(event.target.closest("button.tag"));
    if (finding && finding.shown) {
      clearTimeout(timer);
      timer = setTimeout(() => show(finding), 150);
    } else if (event.target.closest(".why")) {
      clearTimeout(timer);
    } else if (open) {
      clearTimeout(timer);
      timer = setTimeout(close, 400); // time to reach the card
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && open) {
      leave();
      return;
    }
    if (event.key === "Tab" && open) {
      // A card stands after its paragraph; for the keyboard it is right behind its badge, and only once it was entered.
      const stops = all("button, a", open.card);
      if (event.target === open.badge) close();
      else if (!event.shiftKey && event.target === stops.at(-1)) leave();
      else if (event.shiftKey && (event.target === stops[0] || event.target === open.card)) {
        event.preventDefault();
        leave();
      }
    }
    // Only inside the text: who dictates or types elsewhere must not set them off (WCAG 2.1.4).
    if ((event.key === "n" || event.key === "p") && !event.ctrlKey && !event.metaKey && !event.altKey) {
      if (event.target.closest("main")) step(event.key === "n" ? 1 : -1);
    }
  });

  // ---- Citations ----------------------------------------------------------------------------------------------------

  function citation({ mark, article, section, labels }) {
    const { title, country, year, source, rows } = article.dataset;
    const [start, end] = mark.dataset.at.split("-");
    const named = [title, [country, year].filter(Boolean).join(", ")].filter(Boolean);
    const where = [
      named.length === 2 ? `${named[0]} (${named[1]})` : named[0],
      section === "No section" ? "" : `section “${section}”`,
      mark.dataset.page ? `p. ${mark.dataset.page}` : "",
      source,
      rows === undefined ? "" : `row ${mark.id.split("p")[1]}`,
      `characters ${start}–${end}`,
    ].filter(Boolean);
    const thresholds = document.body.dataset.thresholds.split(" ");
    const tags = labels.map(
      ({ letter, score }) =>
        `${NAMES[letter]} (probability ${score.toFixed(4)}, threshold ${thresholds[LETTERS.indexOf(letter)]})`,
    );
    const quote = mark.textContent.replace(/\s+/g, " ").trim();
    return `“${quote}” ${where.join(", ")}. Tagged ${tags.join(" and ")} by ${document.body.dataset.tool}.`;
  }

  // A page of a PDF, or the words themselves (URL Fragment Text Directives, WICG).
  function addressOf({ mark, article }) {
    const address = article.dataset.source.split("#")[0];
    if (mark.dataset.page) return `${address}#page=${mark.dataset.page}`;
    const words = mark.textContent.trim().split(/\s+/);
    const parts = words.length > 12 ? [words.slice(0, 6), words.slice(-6)] : [words];
    const written = parts.map((part) => encodeURIComponent(part.join(" ")).replace(/-/g, "%2D"));
    return `${address}#:~:text=${written.join(",")}`;
  }

  async function write(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const box = document.createElement("textarea"); // files opened from a disk may lack the clipboard interface
      box.value = text;
      open.card.append(box);
      box.select();
      const done = document.execCommand("copy");
      box.remove();
      return done;
    }
  }

  // ---- Filters ------------------------------------------------------------------------------------------------------

  const tools = one(".tools");
  const fields = tools.elements;
  const articles = all("article");

  function filter() {
    const labels = all('input[name="label"]:checked', tools).map((box) => box.value);
    const least = Number(fields.least.value);
    const words = fields.words.value.trim().replace(/\s+/g, " ").toLowerCase();
    const section = fields.section.value;
    const chosen = fields.report.value;
    for (const finding of findings) {
      finding.shown =
        finding.labels.some(({ letter, score }) => labels.includes(letter) && score >= least) &&
        (!section || finding.section === section) &&
        (!chosen || finding.article.id === chosen) &&
        finding.words.includes(words);
      finding.mark.classList.toggle("off", !finding.shown);
      finding.dots.classList.toggle("off", !finding.shown);
    }
    for (const article of articles) article.hidden = Boolean(chosen) && article.id !== chosen;
    for (const block of all(".text section > p")) block.hidden = fields.only.checked && !one("mark:not(.off)", block);
    for (const section of all(".text section")) {
      section.hidden = fields.only.checked && !one(":scope > p:not([hidden])", section);
    }
    fields["least-shown"].value = least.toFixed(2);
    one('[type="reset"]', tools).disabled =
      labels.length === LETTERS.length && least <= Number(fields.least.min) && !words && !section && !chosen && !fields.only.checked;
    if (open && !open.shown) close();
    count();
    draw();
  }

  function count() {
    const shown = findings.filter((finding) => finding.shown);
    const at = shown.indexOf(last);
    fields.place.value = at >= 0 ? `${at + 1} of ${shown.length}` : `${shown.length} finding${shown.length === 1 ? "" : "s"}`;
  }

  function step(by) {
    const shown = findings.filter((finding) => finding.shown);
    if (!shown.length) return;
    const bar = tools.getBoundingClientRect().bottom;
    const tops = shown.map(({ mark }) => mark.getBoundingClientRect().top);
    let to = shown.indexOf(last);
    if (to >= 0 && tops[to] > bar - 40 && tops[to] < innerHeight) to += by;
    else {
      const below = tops.findIndex((top) => top > bar); // they read on elsewhere: from what they see
      to = below < 0 ? 0 : by > 0 ? below : below - 1;
    }
    to = (to + shown.length) % shown.length;
    go(shown[to]);
  }

  function go(finding) {
    finding.mark.scrollIntoView({ block: "center" });
    finding.badge.focus({ preventScroll: true });
    show(finding);
  }

  for (const name of new Set(findings.map((finding) => finding.section))) fields.section.add(new Option(name));
  for (const article of articles) fields.report.add(new Option(one("h2", article).textContent, article.id));
  fields.report.hidden = articles.length < 2;
  const lowest = findings.reduce((least, { labels }) => Math.min(least, ...labels.map(({ score }) => score)), 1);
  fields.least.min = fields.least.value = fields.least.defaultValue = Math.floor(lowest * 100) / 100;
  tools.addEventListener("input", filter);
  tools.addEventListener("reset", () => setTimeout(filter));
  tools.addEventListener("submit", (event) => event.preventDefault());
  fields.previous.addEventListener("click", () => step(-1));
  fields.next.addEventListener("click", () => step(1));
  one(".more").addEventListener("click", (event) => {
    const unfolded = tools.classList.toggle("unfolded");
    event.target.setAttribute("aria-expanded", unfolded);
  });
  tools.hidden = false;
  one(".no-script").hidden = true;

  // ---- Map ----------------------------------------------------------------------------------------------------------

  // Marks of the map stand where their lines are on this screen.
  function draw() {
    document.documentElement.style.setProperty("--tools", tools.offsetHeight + "px");
    for (const article of articles) {
      const text = one(".text", article).getBoundingClientRect();
      article.top = text.top;
      article.scale = text.height ? 1000 / text.height : 0;
    }
    const boxes = findings.map(({ mark }) => mark.getBoundingClientRect()); // all reads before the first write: one layout
    findings.forEach(({ article, dots }, i) => {
      for (const rect of dots.children) {
        rect.setAttribute("y", (boxes[i].top - article.top) * article.scale);
        rect.setAttribute("height", Math.max(boxes[i].height * article.scale, 4));
      }
    });
    look();
  }

  function look() {
    for (const article of articles) {
      const text = one(".text", article).getBoundingClientRect();
      const top = Math.max(tools.getBoundingClientRect().bottom, text.top);
      const bottom = Math.min(innerHeight, text.bottom);
      const view = one(".view", article);
      view.setAttribute("y", (top - text.top) * article.scale);
      view.setAttribute("height", Math.max(bottom - top, 0) * article.scale);
    }
  }

  let waiting = false;
  addEventListener(
    "scroll",
    () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        look();
      });
    },
    { passive: true },
  );
  new ResizeObserver(draw).observe(document.body);
  addEventListener("beforeprint", () => all("details").forEach((details) => (details.open = true)));
  if (matchMedia("(max-width: 84rem)").matches) {
    for (const details of all(".sections details")) details.open = one("tbody", details).rows.length <= 12;
  }

  filter();
  function follow() {
    const named = ofMark.get(document.getElementById(location.hash.slice(1)));
    if (named && named.shown) go(named);
  }
  addEventListener("hashchange", follow); // from the map, too
  follow();
})();
